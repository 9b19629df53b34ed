"""Explanations on a real database: inputs, people, and the same bits again."""

from dataclasses import replace
from uuid import UUID

import pytest

from mdms.domain.edits import EditOperation, EditReason
from mdms.domain.errors import NotFoundError
from mdms.services.vee_explain import ExplainService
from tests.integration.services.editing import METER, PACIFIC, RULES, VALUE, Desk, a_desk, at

pytestmark = pytest.mark.db

GAP = slice(600, 610)


def explaining(desk: Desk) -> ExplainService:
    return ExplainService(desk.store, desk.clock, RULES, PACIFIC)


async def test_a_value_that_was_received_is_explained_and_made_again(store):
    desk = await a_desk(store)

    why = await explaining(desk).explain(METER, at(100))

    assert (why["value"], why["status"], why["source"]) == (VALUE[100], "V", "uplink")
    assert why["bracket"]["usage"] == VALUE[96:192].sum()
    assert why["outcome"]["ruleset_hash"] == RULES.hash
    assert (why["same"], why["differs"], why["sources"]) == (True, [], [])


async def test_an_estimate_names_its_method_its_sources_and_its_bracket(store):
    desk = await a_desk(store, heard=GAP)

    for slot in range(600, 610):
        why = await explaining(desk).explain(METER, at(slot))

        assert (why["status"], why["same"]) == ("E", True)
        assert why["method"] != "NONE"
        assert why["bracket"]["missing"] == 10
        assert why["bracket"]["residual"] == VALUE[GAP].sum()
        if why["sources"]:
            weight = sum(each["weight"] for each in why["sources"])
            assert 0.5 < weight < 1 if why["lighter"] else weight == pytest.approx(1, abs=0.01)


async def test_an_edit_names_who_asked_and_who_agreed(store):
    desk = await a_desk(store)
    edit = await desk.ask(
        EditOperation.SET, 40, 50, values=(150,), override_sum="x", reason=EditReason.TEST_ADJ
    )
    await desk.edits.decide(UUID(edit["edit_id"]), "bob", "supervisor", approve=True)

    why = await explaining(desk).explain(METER, at(44))

    assert (why["value"], why["status"], why["source"]) == (150, "X", "edit")
    assert [each["value"] for each in why["versions"]] == [VALUE[44], 150]
    assert [(e["editor"], e["decided_by"]) for e in why["edits"]] == [("ann", "bob")]
    assert why["same"] is True


async def test_what_differs_is_told_where_the_store_was_tampered_with(store):
    desk = await a_desk(store, heard=GAP)
    async with store() as work:
        await work.edits._connection.execute(
            "UPDATE interval_read SET value = value + 7 WHERE version = 1 AND start_utc = %s",
            [at(605)],
        )

    why = await explaining(desk).explain(METER, at(605))

    assert why["same"] is False
    assert why["differs"][0].startswith(f"value: stored {why['value']}, now {why['value'] - 7}")


async def test_a_release_with_another_rule_set_explains_what_the_one_before_made(store):
    desk = await a_desk(store, heard=GAP)
    newer = replace(RULES, estimate=replace(RULES.estimate, references_min=5))

    why = await ExplainService(store, desk.clock, newer, PACIFIC).explain(METER, at(604))

    assert (why["status"], why["same"]) == ("E", True)
    assert why["outcome"]["ruleset_hash"] == RULES.hash != newer.hash
    assert why["outcome"]["ruleset"] == RULES.edition.version


async def test_what_is_not_stored_or_not_judged_is_said(store):
    desk = await a_desk(store)

    with pytest.raises(NotFoundError, match="nothing is stored"):
        await explaining(desk).explain(METER, at(3000))
    with pytest.raises(NotFoundError, match="E999"):
        await explaining(desk).explain("E999", at(1))
