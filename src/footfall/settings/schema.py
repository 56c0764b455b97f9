"""What can be set: one frozen struct, filled from defaults, a TOML file, the environment and flags, in rising order."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from footfall.settings import limits
from footfall.settings.identity_provider import GroupRights
from footfall.settings.object_stores import Destination, Option
from footfall.settings.retention import RetentionRule
from footfall.settings.senders import SenderRule

Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting with its default; docs/settings.md says what each is for."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    data_dir: str = "./footfall-data"
    web_processes: Annotated[int, Meta(ge=1, le=256)] = 1
    environment: str = "production"
    public_url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    trusted_proxies: str = "127.0.0.1,::1"
    cors_origins: str = "*"
    metrics_public: bool = False
    mcp: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    access_log: bool = False
    access_log_lines_per_s: Positive = limits.ACCESS_LOG_LINES_PER_S
    log_repeats_max: Positive = limits.LOG_REPEATS_MAX

    plan: str = ""
    plan_mode: Literal["strict", "quarantine", "open"] = "strict"
    quarantine_sender_kept: bool = False
    senders: dict[str, SenderRule] = {}
    bots_mode: Literal["take", "hold"] = "take"

    events_url: str = "embedded"
    state_url: str = ""
    files_url: str = ""
    files_options: dict[str, Option] = {}
    files_presign: bool = True
    files_timeout_s: Positive = limits.FILES_TIMEOUT_S
    destinations: dict[str, Destination] = {}

    batch_events_max: Positive = limits.BATCH_EVENTS_MAX
    body_bytes_max: Positive = limits.BODY_BYTES_MAX
    call_body_bytes_max: Positive = limits.CALL_BODY_BYTES_MAX
    body_decoded_bytes_max: Positive = limits.BODY_DECODED_BYTES_MAX
    body_members_max: Positive = limits.BODY_MEMBERS_MAX
    body_inline_bytes_max: Positive = limits.BODY_INLINE_BYTES_MAX
    bodies_at_once_max: Positive = limits.BODIES_AT_ONCE_MAX
    regex_steps_max: Positive = limits.REGEX_STEPS_MAX
    regex_inline_steps_max: Positive = limits.REGEX_INLINE_STEPS_MAX
    regex_cpu_s_max: Positive = limits.REGEX_CPU_S_MAX
    body_timeout_s: Positive = limits.BODY_TIMEOUT_S
    keep_alive_s: Positive = limits.KEEP_ALIVE_S
    in_flight_bytes_max: Positive = limits.IN_FLIGHT_BYTES_MAX
    connections_max: Positive = limits.CONNECTIONS_MAX
    limits_mode: Literal["count", "refuse"] = "count"
    address_requests_per_s: NotNegative = limits.ADDRESS_REQUESTS_PER_S
    address_requests_burst: Positive = limits.ADDRESS_REQUESTS_BURST
    address_connections_max: NotNegative = limits.ADDRESS_CONNECTIONS_MAX
    customer_events_per_s: NotNegative = limits.CUSTOMER_EVENTS_PER_S
    customer_events_burst: Positive = limits.CUSTOMER_EVENTS_BURST
    write_key_events_per_s: NotNegative = limits.WRITE_KEY_EVENTS_PER_S
    write_key_events_burst: Positive = limits.WRITE_KEY_EVENTS_BURST
    write_keys_period_s: Positive = limits.WRITE_KEYS_PERIOD_S
    customer_day_bytes_max: NotNegative = limits.CUSTOMER_DAY_BYTES_MAX
    quarantine_day_bytes_max: NotNegative = limits.QUARANTINE_DAY_BYTES_MAX
    head_bytes_max: Positive = limits.HEAD_BYTES_MAX
    head_fields_max: Positive = limits.HEAD_FIELDS_MAX
    head_timeout_s: Positive = limits.HEAD_TIMEOUT_S
    write_timeout_s: Positive = limits.WRITE_TIMEOUT_S
    linger_s: Positive = limits.LINGER_S
    code_chars_max: Positive = limits.CODE_CHARS_MAX
    context_values_max: Positive = limits.CONTEXT_VALUES_MAX
    context_value_chars_max: Positive = limits.CONTEXT_VALUE_CHARS_MAX
    version_chars_max: Positive = limits.VERSION_CHARS_MAX
    idempotency_key_chars_max: Positive = limits.IDEMPOTENCY_KEY_CHARS_MAX
    timestamp_min_ms: int = limits.TIMESTAMP_MIN_MS
    timestamp_ahead_max_ms: NotNegative = limits.TIMESTAMP_AHEAD_MAX_MS
    problems_max: Positive = limits.PROBLEMS_MAX
    refused_kinds_max: Positive = limits.REFUSED_KINDS_MAX
    event_problems_max: Positive = limits.EVENT_PROBLEMS_MAX
    codes_timeout_s: Positive = limits.CODES_TIMEOUT_S
    infer_types_max: Positive = limits.INFER_TYPES_MAX
    infer_choices_max: Positive = limits.INFER_CHOICES_MAX

    journal_waiting_bytes_max: Positive = limits.JOURNAL_WAITING_BYTES_MAX
    journal_bytes_max: Positive = limits.JOURNAL_BYTES_MAX
    segment_age_max_ms: Positive = limits.SEGMENT_AGE_MAX_MS
    segment_bytes_max: Positive = limits.SEGMENT_BYTES_MAX
    segment_lines_bytes_max: Positive = limits.SEGMENT_LINES_BYTES_MAX
    segment_ahead_bytes_max: NotNegative = limits.SEGMENT_AHEAD_BYTES_MAX
    disk_free_bytes_min: NotNegative = limits.DISK_FREE_BYTES_MIN
    loader_period_ms: Positive = limits.LOADER_PERIOD_MS
    loader_lines_bytes_max: Positive = limits.LOADER_LINES_BYTES_MAX
    loader_tries_max: Positive = limits.LOADER_TRIES_MAX
    archive_days: Annotated[int, Meta(ge=-1)] = limits.ARCHIVE_DAYS
    retention_rules: list[RetentionRule] = []

    report_timeout_s: Positive = limits.REPORT_TIMEOUT_S
    report_barrier_timeout_s: Positive = limits.REPORT_BARRIER_TIMEOUT_S
    report_lease_s: Annotated[int, Meta(ge=3)] = limits.REPORT_LEASE_S
    reports_at_once_max: Positive = limits.REPORTS_AT_ONCE_MAX
    report_tries_max: Positive = limits.REPORT_TRIES_MAX
    report_disk_spare_bytes: NotNegative = limits.REPORT_DISK_SPARE_BYTES
    report_memory_bytes_max: Positive = limits.REPORT_MEMORY_BYTES_MAX
    late_after_s: Positive = limits.LATE_AFTER_S
    report_days: Positive = limits.REPORT_DAYS
    reports_running_max: Positive = limits.REPORTS_RUNNING_MAX
    reports_stored_max: Positive = limits.REPORTS_STORED_MAX
    manifest_types_chars_max: NotNegative = limits.MANIFEST_TYPES_CHARS_MAX
    reports_ended_max: Positive = limits.REPORTS_ENDED_MAX
    reports_ended_chars_max: Positive = limits.REPORTS_ENDED_CHARS_MAX
    reports_page_max: Positive = limits.REPORTS_PAGE_MAX
    reports_page_bytes_max: Positive = limits.REPORTS_PAGE_BYTES_MAX
    report_wait_max_s: NotNegative = limits.REPORT_WAIT_MAX_S
    report_waits_max: Positive = limits.REPORT_WAITS_MAX
    report_waits_each_max: Positive = limits.REPORT_WAITS_EACH_MAX
    link_ttl_s: Positive = limits.LINK_TTL_S
    presigned_ttl_s: Positive = limits.PRESIGNED_TTL_S
    filter_types_max: Positive = limits.FILTER_TYPES_MAX
    calls_waiting_max: Positive = limits.CALLS_WAITING_MAX
    calls_waiting_each_max: Positive = limits.CALLS_WAITING_EACH_MAX
    estimates_at_once_max: Positive = limits.ESTIMATES_AT_ONCE_MAX
    estimate_timeout_s: Positive = limits.ESTIMATE_TIMEOUT_S

    views_max: NotNegative = limits.VIEWS_MAX
    shares_allowed: bool = False
    share_origins: str = ""
    shares_max: NotNegative = limits.SHARES_MAX
    share_days_max: Annotated[int, Meta(ge=1, le=3660)] = limits.SHARE_DAYS_MAX
    share_answer_s: NotNegative = limits.SHARE_ANSWER_S
    share_answers_max: Positive = limits.SHARE_ANSWERS_MAX

    schedules_max: NotNegative = limits.SCHEDULES_MAX
    schedule_grace_s: NotNegative = limits.SCHEDULE_GRACE_S
    schedule_correction_days: NotNegative = limits.SCHEDULE_CORRECTION_DAYS
    schedule_look_s: Positive = limits.SCHEDULE_LOOK_S
    schedule_steps_max: Positive = limits.SCHEDULE_STEPS_MAX
    schedule_running_max: Positive = limits.SCHEDULE_RUNNING_MAX
    schedule_tries_max: Positive = limits.SCHEDULE_TRIES_MAX
    schedule_backlog_max: NotNegative = limits.SCHEDULE_BACKLOG_MAX

    receipts_at_once_max: Positive = limits.RECEIPTS_AT_ONCE_MAX
    receipt_journal_bytes_max: Positive = limits.RECEIPT_JOURNAL_BYTES_MAX
    receipt_timeout_s: Positive = limits.RECEIPT_TIMEOUT_S

    usage_at_once_max: Positive = limits.USAGE_AT_ONCE_MAX
    usage_timeout_s: Positive = limits.USAGE_TIMEOUT_S
    overview_wait_ms: NotNegative = limits.OVERVIEW_WAIT_MS
    usage_rows_max: Positive = limits.USAGE_ROWS_MAX
    rollup_period_s: Positive = limits.ROLLUP_PERIOD_S
    rollup_quiet_s: NotNegative = limits.ROLLUP_QUIET_S
    rollup_core_percent: Annotated[int, Meta(ge=1, le=100)] = limits.ROLLUP_CORE_PERCENT
    rollup_step_rows_max: Positive = limits.ROLLUP_STEP_ROWS_MAX
    rollup_groups_max: NotNegative = limits.ROLLUP_GROUPS_MAX
    usage_memory_bytes_max: Positive = limits.USAGE_MEMORY_BYTES_MAX
    usage_answer_bytes_max: Positive = limits.USAGE_ANSWER_BYTES_MAX
    usage_cache_bytes_max: NotNegative = limits.USAGE_CACHE_BYTES_MAX
    usage_charts_at_once_max: Positive = limits.USAGE_CHARTS_AT_ONCE_MAX
    usage_chart_timeout_s: Positive = limits.USAGE_CHART_TIMEOUT_S
    usage_scope_max: Positive = limits.USAGE_SCOPE_MAX
    usage_conditions_max: Positive = limits.USAGE_CONDITIONS_MAX

    live_listeners_max: NotNegative = limits.LIVE_LISTENERS_MAX
    live_listeners_each_max: NotNegative = limits.LIVE_LISTENERS_EACH_MAX
    live_buffer_bytes_max: Positive = limits.LIVE_BUFFER_BYTES_MAX
    live_heartbeat_s: Positive = limits.LIVE_HEARTBEAT_S
    live_age_max_s: Positive = limits.LIVE_AGE_MAX_S
    live_user_check_s: Positive = limits.LIVE_USER_CHECK_S
    live_resume_bytes_max: NotNegative = limits.LIVE_RESUME_BYTES_MAX

    credential_cache_s: NotNegative = limits.CREDENTIAL_CACHE_S
    credential_cache_max: Positive = limits.CREDENTIAL_CACHE_MAX
    login_failures_max: Positive = limits.LOGIN_FAILURES_MAX
    session_idle_s: Positive = limits.SESSION_IDLE_S
    session_age_max_s: Positive = limits.SESSION_AGE_MAX_S
    sessions_each_max: Positive = limits.SESSIONS_EACH_MAX
    password_hashes_at_once_max: Positive = limits.PASSWORD_HASHES_AT_ONCE_MAX
    sign_ins_waiting_max: Positive = limits.SIGN_INS_WAITING_MAX
    password_users: str = "*"  # noqa: S105 - who they are
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    oidc_name: str = "single sign-on"
    oidc_scopes: str = "openid profile email"
    oidc_name_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_groups: dict[str, GroupRights] = {}
    oidc_timeout_s: Positive = limits.OIDC_TIMEOUT_S
    oidc_answer_bytes_max: Positive = limits.OIDC_ANSWER_BYTES_MAX
    oidc_at_once_max: Positive = limits.OIDC_AT_ONCE_MAX
    keys_max: NotNegative = limits.KEYS_MAX
    key_days_max: Annotated[int, Meta(ge=0, le=limits.KEY_DAYS_MOST)] = limits.KEY_DAYS_MAX
    key_overlap_s: NotNegative = limits.KEY_OVERLAP_S
    audit: bool = True
    audit_days: Annotated[int, Meta(ge=-1)] = limits.AUDIT_DAYS

    alert_url: str = ""
    alert_secret: str = ""
    alert_period_s: Positive = limits.ALERT_PERIOD_S
    alert_silence_events: NotNegative = limits.ALERT_SILENCE_EVENTS
    alert_spike_factor: NotNegative = limits.ALERT_SPIKE_FACTOR
    alert_spike_events: Positive = limits.ALERT_SPIKE_EVENTS
    alert_refused_percent: Annotated[int, Meta(ge=0, le=100)] = limits.ALERT_REFUSED_PERCENT
    alert_lag_s: NotNegative = limits.ALERT_LAG_S
    alert_timeout_s: Positive = limits.ALERT_TIMEOUT_S
    alert_waiting_max: Positive = limits.ALERT_WAITING_MAX

    traces_url: str = ""
    traces_percent: Annotated[int, Meta(ge=0, le=100)] = limits.TRACES_PERCENT
    traces_callers_per_s: NotNegative = limits.TRACES_CALLERS_PER_S
    traces_waiting_max: Positive = limits.TRACES_WAITING_MAX

    store_connect_timeout_s: Positive = limits.STORE_CONNECT_TIMEOUT_S
    store_load_timeout_s: Positive = limits.STORE_LOAD_TIMEOUT_S
    engine_queries_at_once_max: Positive = limits.ENGINE_QUERIES_AT_ONCE_MAX
    engine_memory_bytes_max: Positive = limits.ENGINE_MEMORY_BYTES_MAX
    background_nice: Annotated[int, Meta(ge=0, le=19)] = limits.BACKGROUND_NICE
    stop_timeout_s: Positive = limits.STOP_TIMEOUT_S

    def __repr__(self) -> str:
        """Which settings these are, without passwords and keys, because reprs end up in logs."""
        return f"Settings(data_dir={self.data_dir!r})"

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self.data_dir)
