"""Settings come from four places, each over the one before; whatever is wrong is said at once, one clear line each."""

from pathlib import Path

import pytest

from footfall.service.supervisor import as_environment
from footfall.settings import Settings
from footfall.settings.checks import PAIRS, hide_credentials
from footfall.settings.load import SettingsInvalid, load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, path: str = "footfall.toml") -> Path:
    file = Path(path)
    file.write_text(text, encoding="utf-8")
    return file


def problems(
    config: Path | None = None, environment: dict[str, str] | None = None, flags: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(SettingsInvalid) as raised:
        load(config, environment or {}, flags or {})
    assert str(raised.value).splitlines() == list(raised.value.problems)
    return list(raised.value.problems)


def test_nothing_given_means_the_defaults() -> None:
    loaded = load(None, {}, {})
    assert loaded.settings == Settings()
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.file is None


def test_each_source_goes_over_the_one_before_and_is_remembered() -> None:
    file = write("port = 1\nbatch_events_max = 10\nhost = '::1'\nenvironment = 'file'")
    loaded = load(file, {"FOOTFALL_PORT": "2", "FOOTFALL_HOST": "0.0.0.0"}, {"port": "3"})  # noqa: S104 - only read
    assert (loaded.settings.port, loaded.settings.host, loaded.settings.batch_events_max) == (3, "0.0.0.0", 10)  # noqa: S104 - only read
    assert loaded.sources["port"] == "flag"
    assert loaded.sources["host"] == "FOOTFALL_HOST"
    assert loaded.sources["environment"] == "footfall.toml"
    assert loaded.sources["data_dir"] == "default"


def test_the_file_is_the_named_one_or_the_variables_or_the_one_here() -> None:
    write("port = 1")
    variable = write("port = 2", "variable.toml")
    named = write("port = 3", "named.toml")
    environment = {"FOOTFALL_CONFIG": str(variable)}
    assert load(None, {}, {}).settings.port == 1
    assert load(None, environment, {}).settings.port == 2
    assert load(named, environment, {}).settings.port == 3
    assert load(None, {"FOOTFALL_CONFIG": ""}, {}).file is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch_events_max = 'x'", "footfall.toml: batch_events_max: expected an integer >= 1, got 'x'"),
        ("batch_events_max = 0", "footfall.toml: batch_events_max: expected an integer >= 1, got 0"),
        ("batch_events_max = true", "footfall.toml: batch_events_max: expected an integer >= 1, got True"),
        ("port = 70000", "footfall.toml: port: expected an integer from 0 to 65535, got 70000"),
        ("timestamp_min_ms = '1'", "footfall.toml: timestamp_min_ms: expected an integer, got '1'"),
        ("plan = 5", "footfall.toml: plan: expected a string, got 5"),
        ("log_level = 'x'", "footfall.toml: log_level: expected one of debug, info, warning, error, got 'x'"),
        ("batch-event-max = 1", "footfall.toml: batch-event-max: unknown setting; did you mean batch_events_max?"),
        ("colour = 1", "footfall.toml: colour: unknown setting"),
        ("[server]\nport = 1", "footfall.toml: server: unknown setting: settings stand by themselves, not in tables"),
        ("port =", "footfall.toml: is not TOML: Invalid value (at end of document)"),
        (
            'plan = "a"\ncors_origins = ["b", # [\nport = 1',
            "footfall.toml: is not TOML: Invalid value (at line 3, column 1); the bracket of line 2 is not closed",
        ),
        ('cors_origins = [\n"b",\nx]', "footfall.toml: is not TOML: Invalid value (at line 3, column 1)"),
    ],
)
def test_a_file_says_what_is_wrong_in_it(text: str, expected: str) -> None:
    assert problems(write(text)) == [expected]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("FOOTFALL_PORT", "http", "FOOTFALL_PORT: expected an integer from 0 to 65535, got 'http'"),
        ("FOOTFALL_PORT", "", "FOOTFALL_PORT: expected an integer from 0 to 65535, got ''"),
        ("FOOTFALL_PROT", "1", "FOOTFALL_PROT: unknown setting; did you mean FOOTFALL_PORT?"),
        ("FOOTFALL_LOG_LEVEL", "loud", "FOOTFALL_LOG_LEVEL: expected one of debug, info, warning, error, got 'loud'"),
    ],
)
def test_a_variable_says_what_is_wrong_with_it(variable: str, value: str, expected: str) -> None:
    assert problems(environment={variable: value}) == [expected]


def test_a_flag_says_what_is_wrong_with_it() -> None:
    assert problems(flags={"port": "-1", "prt": "1"}) == [
        "--set prt: unknown setting; did you mean port?",
        "--set port: expected an integer from 0 to 65535, got '-1'",
    ]


def test_all_problems_of_all_sources_come_at_once() -> None:
    file = write("port = 'x'\ncolour = 1\npublic_url = 'example.com'")
    found = problems(file, {"FOOTFALL_COLOUR": "1", "FOOTFALL_EVENTS_URL": "duckdb"}, {"stop_timeout_s": "0"})
    places = sorted(line.split(": expected")[0].split(": unknown")[0] for line in found)
    assert places == [
        "--set stop_timeout_s",
        "FOOTFALL_COLOUR",
        "FOOTFALL_EVENTS_URL",
        "footfall.toml: colour",
        "footfall.toml: port",
        "footfall.toml: public_url",
    ]


def test_a_bad_value_under_a_good_one_does_not_count() -> None:
    assert load(write("port = 'x'"), {"FOOTFALL_PORT": "1"}, {}).settings.port == 1


def test_a_named_file_must_be_there() -> None:
    assert problems(Path("gone.toml")) == ["gone.toml: cannot be read: No such file or directory"]


def test_a_file_must_be_utf_8() -> None:
    Path("footfall.toml").write_bytes(b"environment = '\xff'")
    assert problems() == ["footfall.toml: the byte 0xff is not UTF-8: save the file as UTF-8"]


def test_variables_that_are_no_settings_are_passed_over() -> None:
    kubernetes = {
        "FOOTFALL_SERVICE_HOST": "10.0.0.1",
        "FOOTFALL_SERVICE_PORT_HTTP": "80",
        "FOOTFALL_PORT": "tcp://10.0.0.1:80",
        "FOOTFALL_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    environment = {
        "FOOTFALL_ADMIN_PASSWORD": "secret",
        "FOOTFALL_CONFIG": "",
        "FOOTFALL_AUTH": "anna:secret",
        "PATH": "/bin",
        **kubernetes,
    }
    assert load(None, environment, {}).settings == Settings()


GOOD = {
    "public_url": ["", "http://localhost:8000", "https://example.com/usage"],
    "cors_origins": ["*", "", "https://a.example, http://localhost:3000"],
    "share_origins": ["*", "", "https://wiki.example.com, https://other.example.com"],
    "trusted_proxies": ["*", "", "10.0.0.0/8, ::1", "10.1.2.3/8"],
    "events_url": ["embedded", "clickhouse://h", "clickhouse://u:p@host:8443/footfall?secure=true&cluster=c"],
    "state_url": [
        "",
        "sqlite:////var/lib/x.db",
        "sqlite:///x.db",
        "postgresql://u:p@h/db",
        "postgresql+psycopg://h/db",
    ],
    "files_url": ["", "file:///srv/reports", "s3://bucket/reports", "gs://bucket", "az://container/reports"],
}
BAD = {
    "public_url": ["example.com", "ftp://example.com", "http://", "https://example.com/", "https://a/?b", "http://a:x"],
    "cors_origins": ["example.com", "https://a.example/", "https://a.example/x", "*,https://a.example", "https://[a"],
    "share_origins": ["wiki.example.com", "https://wiki.example.com/", "https://a.example; script-src *"],
    "trusted_proxies": ["localhost", "10.0.0.1,", "300.1.1.1"],
    "events_url": [
        "",
        "chdb",
        "clickhouse://",
        "http://host:8123",
        "clickhouse://host:port",
        "clickhouse://h/?tls=1",
        "clickhouse://h?secure=yes",
    ],
    "state_url": ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://h/db", "state.db"],
    "files_url": [
        "s3://u:p@bucket",
        "s3://bucket?region=eu",
        "memory://",
        "memory:///",
        "s3://",
        "/srv/reports",
        "file://",
        "ftp://host/reports",
    ],
    "host": ["", " "],
    "data_dir": [""],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_values_that_mean_something_pass(name: str, value: str) -> None:
    assert getattr(load(None, {}, {name: value}).settings, name) == value


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_values_that_mean_nothing_stop_the_start(name: str, value: str) -> None:
    (line,) = problems(flags={name: value})
    assert line.startswith(f"--set {name}: ")


@pytest.mark.parametrize(("small", "large", "reason"), PAIRS)
def test_bounds_that_belong_together_are_held_together(small: str, large: str, reason: str) -> None:
    value = getattr(Settings(), small) - 1
    found = problems(environment={f"FOOTFALL_{large.upper()}": str(value)})
    assert f"{small} is {value + 1}, {large} is {value}: it must be at most that, {reason}" in found[0]


def test_a_bound_that_is_itself_wrong_is_reported_once() -> None:
    assert len(problems(flags={"segment_bytes_max": "999999999999", "segment_lines_bytes_max": "x"})) == 1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("clickhouse://user:pass@host:8443/db", "clickhouse://user:***@host:8443/db"),
        ("postgresql://user:p:a/s#s@w@host/db", "postgresql://user:***@host/db"),
        ("user:pass@host", "user:***@host"),
        ("clickhouse:/user:pass@host", "clickhouse:/user:***@host"),
        ("clickhouse://user@host", "clickhouse://user@host"),
        ("s3://bucket/path?secret_access_key=abc&region=eu", "s3://bucket/path?secret_access_key=***&region=eu"),
        ("password=abc&user=x", "password=***&user=x"),
        ("embedded", "embedded"),
        (5, 5),
    ],
)
def test_secrets_are_hidden(value: object, shown: object) -> None:
    assert hide_credentials(value) == shown


def test_secrets_are_hidden_where_settings_are_shown_and_where_they_are_wrong() -> None:
    loaded = load(None, {}, {"events_url": "clickhouse://user:pass@host/db"})
    assert ("events_url", "clickhouse://user:***@host/db", "flag") in list(loaded.shown())
    (line,) = problems(flags={"state_url": "mysql://user:pass@host/db"})
    assert "pass@" not in line
    assert "mysql://user:***@host/db" in line


LAKE = """
[files_options]
region = "eu"
[destinations.lake]
url = "s3://lake/usage"
options = { endpoint = "http://u:geheim@s3:9000", secret_access_key = "geheim", allow_http = true }
customers = ["TGAM"]
"""
KEPT = "files_url = 's3://kept'" + LAKE


def test_tables_come_from_the_file_and_as_json_from_elsewhere() -> None:
    file = write(KEPT)
    settings = load(file, {}, {}).settings
    lake = settings.destinations["lake"]
    assert (lake.url, lake.customers, lake.presign) == ("s3://lake/usage", ("TGAM",), True)
    assert lake.options["allow_http"] is True
    assert settings.files_options == {"region": "eu"}
    given = {"FOOTFALL_DESTINATIONS": '{"sea": {"url": "gs://sea"}}', "FOOTFALL_FILES_OPTIONS": "{}"}
    assert load(file, given, {}).settings.destinations["sea"].url == "gs://sea"
    over = load(file, given, {"destinations": "{}"})
    assert (over.settings.destinations, over.settings.files_options) == ({}, {})
    assert (over.sources["destinations"], over.sources["files_options"]) == ("flag", "FOOTFALL_FILES_OPTIONS")


def test_processes_are_given_the_same_tables() -> None:
    settings = load(write(KEPT), {}, {}).settings
    assert load(None, as_environment(settings), {}).settings == settings


def test_options_are_hidden_where_settings_are_shown() -> None:
    loaded = load(write(KEPT), {}, {})
    shown = {name: value for name, value, _ in loaded.shown()}
    options = {"endpoint": "http://u:***@s3:9000", "secret_access_key": "***", "allow_http": True}
    lake = {"url": "s3://lake/usage", "options": options, "customers": ["TGAM"], "presign": True}
    assert shown["destinations"] == {"lake": lake}
    assert "geheim" not in repr(loaded)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("destinations = 5", "destinations: expected a table"),
        ("destinations.a = 5", "destinations.a: Expected `object`, got `int`"),
        ("[destinations.a]", "destinations.a: Object missing required field `url`"),
        ("[destinations.a]\nurl = 's3://a'\nkey = 'geheim'", "destinations.a: Object contains unknown field `key`"),
        ("[destinations.a]\nurl = 'ftp://u:geheim@a'", "destinations.a: url: must be a scheme, a bucket and at most"),
        ("[destinations.a]\nurl = 'https://a/b'", "destinations.a: url: expected file:///path, s3://bucket/prefix"),
        ("[destinations.a]\nurl = 's3://a?x=geheim'", "destinations.a: url: must be a scheme, a bucket and at most"),
        ("[destinations.'a b']\nurl = 's3://a'", "destinations.a b: its name must have letters, digits, dots"),
        (
            "[destinations.a]\nurl = 's3://a'\noptions = { regoin = 'geheim' }",
            "destinations.a: unknown option 'regoin' of s3://; did you mean region?",
        ),
        ("[files_options]\nregion = [1]", "files_options.region: Expected `bool | int | str`, got `array`"),
        ("[files_options]\nregion = 'eu'", "files_options: unknown option 'region' of file://"),
    ],
)
def test_a_table_says_what_is_wrong_in_it(text: str, expected: str) -> None:
    (line,) = problems(write(text))
    assert line.startswith(f"footfall.toml: {expected}")
    assert "geheim" not in line


def test_a_table_from_the_environment_is_json() -> None:
    (line,) = problems(environment={"FOOTFALL_DESTINATIONS": "lake=geheim"})
    example = '{"lake": {"url": "s3://bucket/prefix"}}'
    assert line == f"FOOTFALL_DESTINATIONS: expected a table in JSON, such as {example}"


def test_rules_of_retention_are_a_list() -> None:
    text = 'retention_rules = [{ product = "SHOP", type = "VIEW*", days = 9 }, { days = 400 }]'
    loaded = load(write(text), {}, {})
    rules = [{"product": "SHOP", "type": "VIEW*", "days": 9}, {"product": "*", "type": "*", "days": 400}]
    assert {name: value for name, value, _ in loaded.shown()}["retention_rules"] == rules
    assert load(None, as_environment(loaded.settings), {}).settings == loaded.settings
    for given, expected in (
        ("retention_rules = 5", "retention_rules: expected a list"),
        ("retention_rules = [{ days = 'x' }]", "retention_rules: rule 1: Expected `int`, got `str` - at `$.days`"),
        ("retention_rules = [{ type = 'A', day = 1 }]", "retention_rules: rule 1: Object contains unknown field `day`"),
        ("retention_rules = [{ days = 0 }]", "retention_rules: rule 1: days: expected 1 to 36500, or -1 for ever"),
    ):
        (line,) = problems(write(given))
        assert line.startswith(f"footfall.toml: {expected}")
    (line,) = problems(environment={"FOOTFALL_RETENTION_RULES": "x"})
    assert line.startswith("FOOTFALL_RETENTION_RULES: expected a list in JSON, such as [{")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Settings().port = 1  # type: ignore[misc]
