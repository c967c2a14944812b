"""The configuration: a file, the environment over it, and clear words for what is wrong."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from poi_server.config import SECTIONS, TABLES, Config, ConfigError, Storage, data_folder, load, redacted, variable
from poi_server.config_example import example


def written(tmp_path: Path, text: str) -> Path:
    """A configuration file."""
    file = tmp_path / "poi-server.toml"
    file.write_text(text, "utf-8")
    return file


def test_nothing_configured_means_the_defaults() -> None:
    assert load(None, {}) == Config()


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[http]\nport = 81\nhost = "127.0.0.2"\nhosts = ["a"]\n')
    config = load(file, {"POI_HTTP_PORT": "82", "POI_HTTP_HOSTS": "b, c", "POI_DATA": "/srv/poi", "HOME": "/x"})
    assert (config.http.port, config.http.host, config.http.hosts) == (82, "127.0.0.2", ("b", "c"))
    assert data_folder(config) == Path("/srv/poi")


def test_readers_are_a_list_of_tables(tmp_path: Path) -> None:
    config = load(written(tmp_path, '[[nfc.readers]]\nstation = "sta_1"\npath = "usb"\n'), {})
    assert config.nfc.readers[0].path == "usb"


def test_terminals_are_a_list_of_tables_with_options_of_their_own(tmp_path: Path) -> None:
    text = '[[payment.terminals]]\nstation = "sta_1"\nconnector = "caisse-ap"\noptions = {host = "10.0.0.9"}'
    [terminal] = load(written(tmp_path, text), {}).payment.terminals
    assert terminal.options == {"host": "10.0.0.9"}


@pytest.mark.parametrize(
    ("text", "environment", "path", "words"),
    [
        ("[http]\nprot = 1\n", {}, "$.http", "unknown field `prot`"),
        ("[htpt]\n", {}, "$", "unknown field `htpt`"),
        ("[http]\nport = 70000\n", {}, "$.http.port", "<= 65535"),
        ("[merchant]\ncurrency = 'euro'\n", {}, "$.merchant.currency", "regex"),
        ("[http\n", {}, "$", "cannot be read"),
        ("", {"POI_HTTP_PORT": "many"}, "$.http.port", "int"),
        ("", {"POI_HTP_PORT": "1"}, "POI_HTP_PORT", "means nothing here"),
        ("[tls]\ncertificate = 'a.pem'\n", {}, "$.tls", "needs its key"),
        (
            "[[nexo.pois]]\npoi_id = 'A'\nstation = 's'\nnotify = 'http://192.168.1.20/events'\n",
            {},
            "$.nexo.pois[0].notify",
            "name customers",
        ),
        ("[[nexo.pois]]\npoi_id = 'A'\nstation = 's'\nkeys = ['b']\n", {}, "$.nexo.pois[0].keys", "no key 'b'"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, text: str, environment: dict[str, str], path: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        load(written(tmp_path, text), environment)
    assert caught.value.path == path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*absent\.toml"):
        load(tmp_path / "absent.toml", {})


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://poi:se:cret@db/poi", "postgresql://poi:***@db/poi"),
        ("redis://:secret@cache:6379/0", "redis://:***@cache:6379/0"),
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("", ""),
    ],
)
def test_passwords_are_hidden(address: str, shown: str) -> None:
    assert redacted(address) == shown
    assert "secret" not in repr(Config(storage=Storage(sql=address)))


def test_the_example_documents_every_key_and_reads_as_the_defaults(tmp_path: Path) -> None:
    text = example()
    for name, kind in SECTIONS.items():
        for key in kind.__struct_fields__:
            assert (kind, key) in TABLES or f"${variable(name, key)}\n# {key} = " in text
    uncommented = "\n".join(line[2:] if " = " in line else line for line in text.splitlines() if "station" not in line)
    values = tomllib.loads(uncommented.partition("# [[nfc.readers]]")[0])
    assert msgspec.convert(values, Config) == Config()


def test_the_example_file_in_the_tree_is_up_to_date() -> None:
    file = Path(__file__).parents[2] / "config.example.toml"
    assert file.read_text("utf-8") == example(), "write it anew: poi-server config --example > config.example.toml"


def test_the_data_folder_is_found_again_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_folder(Config(), {"XDG_DATA_HOME": "/home/x/share"}) == Path("/home/x/share/poi-server")
    (tmp_path / "data").mkdir()
    assert data_folder(Config(), {"XDG_DATA_HOME": "/home/x/share"}) == tmp_path / "data"
