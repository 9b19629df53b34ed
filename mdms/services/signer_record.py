"""The signer's own record, for those who read it: followed from end to end, held against seals."""

from collections.abc import Iterable
from typing import Final

from mdms.domain.audit import BEGINNING, SealedHead, followed
from mdms.ports.signer import SignerMemoryFactory
from mdms.services.audit import Verified

_PAGE: Final = 5_000


async def verify(memory: SignerMemoryFactory, kept: Iterable[SealedHead]) -> Verified:
    """
    Follow the signer's record from its beginning, and hold what was sealed of it against it.

    Args:
        memory: The signer's, with a right to look.
        kept: Seals as the second place has them, whose signatures are checked elsewhere; those in
            the database are looked at too.

    Returns:
        What was found; seals of an empty record are not counted.
    """
    async with memory() as own:
        sealed = {*kept, *await own.audit.seals()}
        told = sorted((each for each in sealed if each.own != BEGINNING), key=lambda each: each.at)
        head, broken_at = BEGINNING, None
        seen: dict[int, bytes] = {}
        while broken_at is None and (records := await own.noted_after(head.number, _PAGE)):
            head, broken_at = followed(head, records)
            seen |= {each.number: each.hash for each in records if each.number <= head.number}
        contradicted = () if broken_at else tuple(await own.contradicted())
    unsealed = tuple(
        f"seal of {each.at.isoformat()} over the signer's record {each.own.number}: "
        "it was another one then"
        for each in told
        if seen.get(each.own.number) != each.own.hash
    )
    return Verified(
        head=head,
        broken_at=broken_at,
        contradicted=contradicted,
        seals=len(told) - len(unsealed),
        unsealed=unsealed,
    )
