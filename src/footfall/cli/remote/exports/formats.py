"""The export formats: which field says what, in a table of one entry for each product.

A path such as `properties.$browser` leads into an object, or into a text that is one as JSON. Of several paths the
first that has a value counts.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

Paths = tuple[str, ...]
# What a page view is called where its product gives it no name.
PAGE_VIEW: Final = "pageview"
# The columns of enriched events, in the order of the files, which have no header.
_SNOWPLOW_NAMES: Final = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears
br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer
os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height
tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone
mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts
domain_sessionid derived_tstamp event_vendor event_name event_format event_version event_fingerprint
true_tstamp
"""
_SNOWPLOW_COLUMNS: Final = tuple(_SNOWPLOW_NAMES.split())


class ExportFormat(Struct, frozen=True, kw_only=True):
    """How the records of a product are read.

    `name` are the fields that name the event, `fields` the usual ones by names that keys of a plan may have, `only` the
    values that a field may have, else its record is left out. `events` is a list of events within a record. `columns`
    are those of files without a header.
    """

    title: str
    time: Paths
    name: Paths
    visitor: Paths
    site: Paths = ()
    fields: Mapping[str, Paths]
    types: Mapping[str, str] = {}
    only: Mapping[str, tuple[str, ...]] = {}
    time_unit: Literal["ms", "s"] = "ms"
    events: str = ""
    columns: Paths = ()
    totals: str = ""


_VIEWED: Final = "PAGE-VIEWED"
FORMATS: Final[Mapping[str, ExportFormat]] = {
    "posthog": ExportFormat(
        title="PostHog",
        time=("timestamp",),
        name=("event",),
        visitor=("distinct_id", "person_id"),
        site=("properties.$host", "team_id", "project_id"),
        types={"$pageview": _VIEWED},
        fields={
            "page": ("properties.$pathname", "properties.$current_url"),
            "url": ("properties.$current_url",),
            "title": ("properties.title", "properties.$title"),
            "referrer": ("properties.$referrer",),
            "session": ("properties.$session_id",),
            "browser": ("properties.$browser",),
            "os": ("properties.$os",),
            "country": ("properties.$geoip_country_code",),
        },
        totals="an insight holds counts; export the events themselves (batch export or file download, as JSON lines)",
    ),
    "goatcounter": ExportFormat(
        title="GoatCounter",
        time=("Date",),
        name=(),
        visitor=("Session",),
        types={PAGE_VIEW: _VIEWED},
        only={"Bot": ("0", "")},
        fields={
            "page": ("Path",),
            "title": ("Title",),
            "referrer": ("Referrer",),
            "session": ("Session",),
            "browser": ("Browser",),
            "os": ("System",),
            "country": ("Location",),
        },
        totals="its JSON export holds counts by hour and day; the CSV export has each page view",
    ),
    "umami": ExportFormat(
        title="Umami",
        time=("created_at",),
        name=("event_name",),
        visitor=("distinct_id", "session_id"),
        site=("website_id", "hostname"),
        types={PAGE_VIEW: _VIEWED},
        fields={
            "page": ("url_path",),
            "title": ("page_title",),
            "referrer": ("referrer_domain",),
            "session": ("visit_id", "session_id"),
            "browser": ("browser",),
            "os": ("os",),
            "country": ("country",),
        },
        totals="the answers of its API hold counts; the export's website_event.csv has each event",
    ),
    "plausible": ExportFormat(
        title="Plausible",
        time=("timestamp",),
        name=("name",),
        visitor=("user_id",),
        site=("hostname", "site_id"),
        types={PAGE_VIEW: _VIEWED},
        fields={
            "page": ("pathname",),
            "referrer": ("referrer",),
            "session": ("session_id",),
            "browser": ("browser",),
            "os": ("operating_system",),
            "country": ("country_code",),
        },
        totals="the imported_*.csv files of its export hold counts by day; only the table events_v2 of an instance of "
        "your own has each event",
    ),
    "snowplow": ExportFormat(
        title="Snowplow",
        time=("derived_tstamp", "collector_tstamp"),
        name=("event_name", "event"),
        visitor=("user_id", "domain_userid", "network_userid"),
        site=("app_id",),
        types={"page_view": _VIEWED},
        fields={
            "page": ("page_urlpath", "page_url"),
            "url": ("page_url",),
            "title": ("page_title",),
            "referrer": ("page_referrer",),
            "session": ("domain_sessionid",),
            "browser": ("br_name",),
            "os": ("os_name",),
            "country": ("geo_country",),
        },
        columns=_SNOWPLOW_COLUMNS,
        totals="a table of a data model holds counts; the enriched events (TSV) have each event",
    ),
    "matomo": ExportFormat(
        title="Matomo",
        time=("timestamp",),
        time_unit="s",
        name=(),
        visitor=("userId", "visitorId"),
        site=("idSite",),
        types={PAGE_VIEW: _VIEWED},
        events="actionDetails",
        fields={
            "page": ("url",),
            "url": ("url",),
            "title": ("pageTitle",),
            "referrer": ("referrerUrl", "referrerName"),
            "session": ("idVisit",),
            "browser": ("browserName",),
            "os": ("operatingSystemName",),
            "country": ("countryCode",),
        },
        totals="a report holds counts; Live.getLastVisitsDetails with format=JSON has each action of each visit",
    ),
}
# Fields that count, in exports that hold no single events.
_TOTALS: Final = """
bounces count events exits nb_actions nb_events nb_hits nb_visits pageviews stats total visitors visits y
"""
_COUNTS: Final = frozenset(_TOTALS.split())


def name_of(source: str, record: Mapping[str, Any]) -> str | None:
    """The name of an event where a product has no field for it; None where there is one."""
    if source == "goatcounter":
        return str(record.get("Path", "")) if str(record.get("Event", "")).lower() == "true" else PAGE_VIEW
    if source == "umami" and not record.get("event_name"):
        kind = str(record.get("event_type") or "1")
        return PAGE_VIEW if kind == "1" else f"event type {kind}"
    if source == "snowplow" and record.get("event") == "struct":
        return str(record.get("se_action") or "struct")
    if source == "matomo":
        kind = str(record.get("type") or "")
        return PAGE_VIEW if kind == "action" else str(record.get("eventAction") or kind)
    return None


def totals_reason(source: str, fields: Mapping[str, Any]) -> str | None:
    """Why a file with such a record holds no single events; None where it may."""
    found = FORMATS[source]
    if source == "umami" and "data_key" in fields:
        return "the file holds properties of events or sessions; website_event.csv has the events"
    if source == "matomo" and found.events in fields:
        return None
    if any(path.partition(".")[0] in fields for path in found.time):
        return None
    counted = sorted(name for name in fields if name in _COUNTS)
    if not counted:
        return None
    return (
        f"the file holds counts ({', '.join(counted)}), which cannot become single events without inventing their "
        f"times and visitors: {found.totals}"
    )
