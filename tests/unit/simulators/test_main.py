import pytest

from mdms.domain.errors import UsageError
from simulators.__main__ import main
from simulators.mqtt import Broker


def test_the_registry_command_writes_nine_files(tmp_path):
    status = main(["registry", "--out", str(tmp_path), "--meters", "20", "--seed", "3"])

    assert status == 0
    assert len(list((tmp_path / "registry").glob("*.csv"))) == 9


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--meters", "0", "not between 1 and"),
        ("--meters", "many", "invalid"),
        ("--days", "-1", "not between 1 and"),
        ("--seed", "-1", "negative"),
        ("--start", "03/11/2026", "write 2026-11-03"),
    ],
)
def test_a_mistake_in_an_option_is_a_usage_error(tmp_path, capsys, option, value, said):
    with pytest.raises(SystemExit) as ended:
        main(["registry", "--out", str(tmp_path), option, value])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_empty_profile_folder_gets_one_sentence(tmp_path, capsys):
    status = main(["registry", "--out", str(tmp_path), "--profiles", str(tmp_path)])

    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_cannot_be_made_gets_one_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")

    status = main(["registry", "--out", str(tmp_path / "file" / "below")])

    assert status == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://127.0.0.1:1884", Broker("127.0.0.1", 1884)),
        ("mqtt://broker", Broker("broker", 1883)),
        ("mqtt://who:s%40y@broker:1", Broker("broker", 1, "who", "s@y")),
    ],
)
def test_a_broker_is_named_by_its_url(url, broker):
    assert Broker.of(url) == broker


@pytest.mark.parametrize("url", ["localhost:1883", "http://a:1", "mqtt://a:x", "mqtt://a/b", ""])
def test_another_kind_of_address_is_refused(url):
    with pytest.raises(UsageError, match="is no broker address"):
        Broker.of(url)
