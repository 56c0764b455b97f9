"""Every bound, with its reason. Each is the default of the setting of the same name in lower case."""

# Warnings or errors of one place in the code that a process logs in a minute: enough to see what happens, and 10 MB
# a day where strangers, or a store that is away, have it happen ten thousand times a second.
LOG_REPEATS_MAX = 60
# Lines of the access log that a web process writes in a second, of 130 bytes, 280 as JSON: all requests of people and
# of most programs, and 1 to 2.5 GB a day in a flood.
ACCESS_LOG_LINES_PER_S = 100
# One request's events: ten thousand of them make one journal frame of a few MiB, which one fsync carries.
BATCH_EVENTS_MAX = 10_000
# A request's body as sent; browsers cap beacons at 64 KiB, servers send batches of hundreds of KiB.
BODY_BYTES_MAX = 8 * 1024 * 1024
# The body of every other call. A thousand types of 200 characters are a fifth of it; what it decodes to takes some 20
# times as much memory at the most, and some tens of ms.
CALL_BODY_BYTES_MAX = 1024 * 1024
# What a body of events may be after decompression: the bound on what a small hostile body can make us hold.
BODY_DECODED_BYTES_MAX = 32 * 1024 * 1024
# Compressed streams that one body is made of: each costs some microseconds, however little is in it. Tools that
# compress by blocks make one for each 64 KiB or more.
BODY_MEMBERS_MAX = 1_000
# A body so long, unpacked, is worked on in the event loop itself, in 3 ms for 2,000 events; a longer one in a thread.
BODY_INLINE_BYTES_MAX = 256 * 1024
# Long bodies that one web process works on at once: two, so that one need not wait for another, and the memory that
# they take meanwhile is that of two. A hundred more may wait.
BODIES_AT_ONCE_MAX = 2
# Steps of a regular expression for one value, at the worst: its instructions times the value's bytes. Some 0.2 s, and
# beyond what any value in use takes: `.{1,1000}` has 9,003 instructions, and matches no value of more than 4,000 bytes.
REGEX_STEPS_MAX = 50_000_000
# Steps that the values of one body may take in the event loop itself, at the worst: some 10 ms. A body of 130,000 bytes
# for `sku-[0-9]{1,12}`, of 2,200 for `.{1,200}`; a longer one is worked on in a thread.
REGEX_INLINE_STEPS_MAX = 4_000_000
# Seconds of a core for the regular expressions of one body in a thread: the largest that is sent in earnest takes two.
REGEX_CPU_S_MAX = 5
# Seconds in which a body must have arrived, so that slow senders cannot hold connections for ever.
BODY_TIMEOUT_S = 30
# Seconds for which an idle connection is kept: longer than clients and proxies keep theirs (60 s is usual), because a
# request that is sent while the server closes the connection fails for no reason that its sender could know.
KEEP_ALIVE_S = 75
# Bytes of long bodies and long answers that one web process holds for its clients at once: thirty of the longest
# bodies, or eight of the longest answers, before the memory of the machine is theirs. One sender holds as much as is
# left at the most, which is half of it for one alone, so that nobody keeps the others out.
IN_FLIGHT_BYTES_MAX = 256 * 1024 * 1024
# Connections of one web process at once: a fleet's that keep them open, some 10 KiB each while they are idle.
CONNECTIONS_MAX = 10_000
# Requests of one address a second, and at once after a pause: offices of a thousand browsers that send every ten
# seconds behind one address, or a server that sends a hundred events with each, have half of it at the most. A process
# answers ten thousand and more, so that it takes fifty addresses at their limit to fill one.
ADDRESS_REQUESTS_PER_S = 200
ADDRESS_REQUESTS_BURST = 2_000
# Connections of one address at once: a tenth of all. Browsers open six.
ADDRESS_CONNECTIONS_MAX = 1_000
# Events of one customer's product a second: a million people who do something every two minutes. And at once after a
# pause: what clients kept while a network was away, twenty of the largest requests.
CUSTOMER_EVENTS_PER_S = 10_000
CUSTOMER_EVENTS_BURST = 200_000
# Events that come with one write key a second, and at once after a pause: as many as of a customer's product, so that
# one program among a customer's can be held to less.
WRITE_KEY_EVENTS_PER_S = 10_000
WRITE_KEY_EVENTS_BURST = 200_000
# Seconds until a key that was made or revoked is known so where events come in: a query of all write keys, of some ms.
WRITE_KEYS_PERIOD_S = 5
# Bytes of lines, before compression, that one customer's product may send in a day: some 150 million events, which take
# a tenth of it on the disk.
CUSTOMER_DAY_BYTES_MAX = 32 * 1024 * 1024 * 1024
# ... and of its events that break the plan, which nobody wants: two million, more than anybody looks at.
QUARANTINE_DAY_BYTES_MAX = 1024 * 1024 * 1024
# The head of a request, its trailers too: as many types in a URL as one call takes are most of it.
HEAD_BYTES_MAX = 64 * 1024
# Headers of a request: proxies and tracing add some, and none adds a hundred.
HEAD_FIELDS_MAX = 200
# Seconds from the first byte of a head to its last: it is a packet or two, on a slow line some seconds.
HEAD_TIMEOUT_S = 20
# Seconds in which a client must have taken the answer that waits for it, or the piece of a file.
WRITE_TIMEOUT_S = 60
# Seconds for which what a client still sends is dropped after the last answer, so that it hears of the answer.
LINGER_S = 5
# One string of an event: a code is short, a context value may be a long path or URL.
CODE_CHARS_MAX = 200
CONTEXT_VALUES_MAX = 64
CONTEXT_VALUE_CHARS_MAX = 65_536
VERSION_CHARS_MAX = 200
# What HTTP practice allows for a key that is a UUID or a hash.
IDEMPOTENCY_KEY_CHARS_MAX = 200
# Events older than this or newer than now plus this are mistakes of a client's clock, and each month is a partition.
TIMESTAMP_MIN_MS = 946_684_800_000  # 2000-01-01T00:00:00Z
TIMESTAMP_AHEAD_MAX_MS = 86_400_000  # a day: time zones taken for UTC
# Problems that an error names; a client's author needs the first few, not ten thousand.
PROBLEMS_MAX = 100
# Kinds of events that were refused, of which is known how many there were: those of mistaken software are some
# dozens, and strangers can make up any number.
REFUSED_KINDS_MAX = 1_000
# Problems that are kept of one event in quarantine: ten thousand events may be held at once, and each tells its reason.
EVENT_PROBLEMS_MAX = 10
# Types of events, and customers, that an inferred plan may list: a plan that people read has fewer, and more are mostly
# values in the names of types.
INFER_TYPES_MAX = 1_000
# Different values at one place of a context up to which it may be a choice among them; more are text.
INFER_CHOICES_MAX = 20
# Seconds in which the store may say whether it knows a code that the plan does not: a hint is not worth a longer wait.
CODES_TIMEOUT_S = 2

# Bytes of accepted lines that wait for the disk in one web process; past it the answer is 503.
JOURNAL_WAITING_BYTES_MAX = 64 * 1024 * 1024
# All segments that wait to be loaded: past it the answer is 503, so that an outage of the store cannot fill the disk.
JOURNAL_BYTES_MAX = 16 * 1024 * 1024 * 1024
# A segment is sealed at this age: the delay until events are in the store, and the least wait of a report.
SEGMENT_AGE_MAX_MS = 1_000
# ... or at this size of the file ...
SEGMENT_BYTES_MAX = 8 * 1024 * 1024
# ... or of its lines before compression, which bounds the engine's memory while it loads one.
SEGMENT_LINES_BYTES_MAX = 32 * 1024 * 1024
# Bytes of zeros that are written ahead for a segment while many come: as many as the last one had, or nearly. 0 is for
# file systems that never overwrite in place (btrfs, ZFS), where it would be in vain.
SEGMENT_AHEAD_BYTES_MAX = 8 * 1024 * 1024
# Free disk below which no event is accepted, so that sealing, loading and logging still have room.
DISK_FREE_BYTES_MIN = 256 * 1024 * 1024
# How often the loader looks for sealed segments.
LOADER_PERIOD_MS = 100
# Bytes of lines that one load has, where several segments wait: each load leaves a part that has to be merged, and the
# engine's memory grows with it, by 200 MiB for so many.
LOADER_LINES_BYTES_MAX = 128 * 1024 * 1024
# Tries before a segment that the store refuses for the segment's own fault is set aside.
LOADER_TRIES_MAX = 3
# Days for which loaded segments are kept, so that the store can be rebuilt from them; 0 deletes them at once, -1 never.
ARCHIVE_DAYS = 30
# Rules of retention by product and type: each is a test of every event that is old enough, and of every old row.
RETENTION_RULES_MAX = 50
# Days that a rule may name at all: a hundred years.
RETENTION_DAYS_MOST = 36_500

# Seconds of a report's statement in the engine, then it is TIMEOUT.
REPORT_TIMEOUT_S = 900
# Seconds that a report waits for events acknowledged before it to be loaded, then it is TIMEOUT.
REPORT_BARRIER_TIMEOUT_S = 300
# A worker renews its lease thrice in this time; a job whose lease ran out is taken up by another worker.
REPORT_LEASE_S = 30
# Seconds for which a request to an object store is tried again before it has failed. Reports try anew after that.
FILES_TIMEOUT_S = 60
# Reports that one worker runs at once: two, so that a small one need not wait for a large one.
REPORTS_AT_ONCE_MAX = 2
# Free disk beside DISK_FREE_BYTES_MIN that reports leave alone, so that of the two they stop first: at a thousand
# events a second of the usual length, events go on for some twenty minutes, in which an alarm can be heard.
REPORT_DISK_SPARE_BYTES = 256 * 1024 * 1024
# Memory that one statement of a report may take: five times what the widest needs, so that only a mistake meets it.
REPORT_MEMORY_BYTES_MAX = 1024 * 1024 * 1024
# Seconds between an event's time and its receipt past which it is late: software that works offline sends once a day.
LATE_AFTER_S = 86_400
# Times a job is taken up again after its worker died, before it is FAILED as the likely cause.
REPORT_TRIES_MAX = 3
# Days for which a finished report's file is kept.
REPORT_DAYS = 30
# Reports of one user that run or wait: enough for a page that shows a dozen, while nobody can fill the queue.
REPORTS_RUNNING_MAX = 20
# Complete reports of one user whose file is kept: some thirty a day for 30 days, before a script fills the disk.
REPORTS_STORED_MAX = 1_000
# Characters of the types' names that a manifest lists with its columns: a thousand types with dozens of keys. It is
# kept with each report, and ten thousand types would make it some 10 MB, of long names more than 100 MB.
MANIFEST_TYPES_CHARS_MAX = 1024 * 1024
# Ended reports of one user without a file whose status is kept: more are forgotten, the oldest first, as others start.
REPORTS_ENDED_MAX = 1_000
# ... and the characters that the state keeps of them: a filter may have 200,000, and nobody asks for so many twice.
REPORTS_ENDED_CHARS_MAX = 16 * 1024 * 1024
# Reports of one page of the list: some 300 KiB.
REPORTS_PAGE_MAX = 1_000
# ... and their bytes, or a page of filters that name a thousand types would be of 200 MB.
REPORTS_PAGE_BYTES_MAX = 1024 * 1024
# Seconds for which a request may wait for a report to end: proxies give up on an answer after 60.
REPORT_WAIT_MAX_S = 50
# Requests of one web process that wait for reports at once: each holds a connection and some 50 KiB.
REPORT_WAITS_MAX = 1_000
# ... and those of one user: two for each report that the user may have running.
REPORT_WAITS_EACH_MAX = 40
# The reference's promise: a link is good for 15 minutes.
LINK_TTL_S = 900
# Seconds for which the object store's own URL works, to which a link leads: it is followed at once, and nothing but its
# time ends it when the right that the link stands on is withdrawn.
PRESIGNED_TTL_S = 60
# Types, or versions, that one report's filter may name.
FILTER_TYPES_MAX = 1_000

# Saved views of one user: some kilobytes each, which every list has.
VIEWS_MAX = 200
# Links of one user that work without a sign-in, and days for which one may work: each is a door that nobody watches.
SHARES_MAX = 100
SHARE_DAYS_MAX = 90
# Seconds for which what a link shows is given again: a link in a wiki may be opened by a thousand people at once.
SHARE_ANSWER_S = 60
# Answers of links that a web process keeps, of a mebibyte at the most.
SHARE_ANSWERS_MAX = 32

# Schedules of one user: each starts reports for ever.
SCHEDULES_MAX = 100
# Seconds from the end of a schedule's window to its report, so that what clients kept for a while is in it.
SCHEDULE_GRACE_S = 3_600
# Days for which late events are looked for after a window's report, so that it can be corrected.
SCHEDULE_CORRECTION_DAYS = 7
# Seconds between two searches for late events of a window, at least: each is a statement of some ms.
SCHEDULE_LOOK_S = 900
# Windows that a worker starts, tries again or counts in one tick: more wait for the next tick, some seconds later.
SCHEDULE_STEPS_MAX = 20
# Reports of one schedule that run at once, or the others of its user would wait for all that an outage left.
SCHEDULE_RUNNING_MAX = 4
# Reports that are started for one window before it counts as failed: with the pauses between, some hours of outage.
SCHEDULE_TRIES_MAX = 6
# Past windows with which a schedule may begin: a year of hours, with room.
SCHEDULE_BACKLOG_MAX = 10_000

# Requests that wait for one of the few threads of their kind (long bodies, estimates, counts, receipts) in one web
# process: more would wait for longer than their clients do.
CALLS_WAITING_MAX = 100
# ... and those of one user among them, counts, estimates and receipts each: a page makes a handful at once, and a
# script with fifty loops hears that it is one.
CALLS_WAITING_EACH_MAX = 20
# Estimates of reports that one web process makes at once: each keeps a core busy for up to a second or so.
ESTIMATES_AT_ONCE_MAX = 2
# Seconds of an estimate: a page waits for it. Fifty million events take one or two, on a busy machine.
ESTIMATE_TIMEOUT_S = 10

# Receipts that one web process looks for at once: each keeps a core busy while it goes through the journal.
RECEIPTS_AT_ONCE_MAX = 2
# Bytes of segments that one receipt goes through, newest first: some two million events, in half a second of a core.
RECEIPT_JOURNAL_BYTES_MAX = 64 * 1024 * 1024
# Seconds of a receipt's statement in the store: a client waits for it, and a search by batch takes some ms.
RECEIPT_TIMEOUT_S = 10

# Counts that one web process makes at once: two, so that a small one need not wait for a large one.
USAGE_AT_ONCE_MAX = 2
# Seconds of a count: a client waits for it. Eight million events take one or two, more where many are duplicates.
USAGE_TIMEOUT_S = 60
# Milliseconds in which the actors of the overview have to be counted to be on the page at once: with its events, which
# take some tenths of a second of 50 million, it is there within a second, and the actors follow.
OVERVIEW_WAIT_MS = 500
# Rows of a count's answer: a year of hours of one type, a month of days of 300 types. More is a report's business.
USAGE_ROWS_MAX = 10_000
# Seconds between two looks for what was loaded, each some ms: what no look has seen is looked at by every answer.
ROLLUP_PERIOD_S = 30
# Seconds without a load of a past day before it is counted anew: late events would have it counted again and again.
ROLLUP_QUIET_S = 600
# Percent of one core that counting past days takes: it rests after each step, so that loading does not notice. Counting
# an event takes a quarter of the time of its load, so that this is enough for 150,000 events a second.
ROLLUP_CORE_PERCENT = 10
# Events of one step: a second of work, a fifth of which it would take for few events as well.
ROLLUP_STEP_ROWS_MAX = 2_000_000
# Quarters of an hour, types and versions that the rollup keeps of one day. Software that numbers each of its builds
# could have more; such a day is counted from its events.
ROLLUP_GROUPS_MAX = 100_000
# Memory of one statement of a statistic: distinct actors of years are sets of all their names. Past it, distinct actors
# are estimated, and other statistics are refused.
USAGE_MEMORY_BYTES_MAX = 1024 * 1024 * 1024
# Bytes of the result of one statement of a statistic, in the engine's form: strangers' contexts may have 4 MB each, and
# 1,000 of them are a page of events.
USAGE_ANSWER_BYTES_MAX = 64 * 1024 * 1024
# Answers of statistics that a web process keeps, for as long as no event has come that could change them.
USAGE_CACHE_BYTES_MAX = 32 * 1024 * 1024
# Customers, or products, that one selection names; `*` stands for any number.
USAGE_SCOPE_MAX = 100
# Pictures of charts drawn at once by a web process: each is a process of some 110 MB that takes a second of a core.
USAGE_CHARTS_AT_ONCE_MAX = 1
# Seconds of a picture, with the wait for its turn.
USAGE_CHART_TIMEOUT_S = 30
# Conditions on context keys of one selection: each is looked at for each event.
USAGE_CONDITIONS_MAX = 16

# Live streams of one web process: each holds a connection, and what waits for its client.
LIVE_LISTENERS_MAX = 100
# ... and those of one user among them: a browser opens six to one host at the most.
LIVE_LISTENERS_EACH_MAX = 10
# Bytes of events that wait for a live stream's client: some hundreds, for a short pause. More are dropped and told of.
LIVE_BUFFER_BYTES_MAX = 256 * 1024
# Seconds after which a live stream without events sends a comment: proxies close what is silent for 30 or 60.
LIVE_HEARTBEAT_S = 15
# Seconds of a live stream, then its client connects again: so balancers can spread them anew.
LIVE_AGE_MAX_S = 3_600
# Seconds between two looks whether the users of live streams are still there and may still see the same.
LIVE_USER_CHECK_S = 5
# Bytes of segments that are read to tell a client what it missed while it was not connected: some minutes of a busy
# node, hours of a quiet one.
LIVE_RESUME_BYTES_MAX = 16 * 1024 * 1024

# Seconds from its last use for which a verified password needs no second hash (argon2id costs tens of ms on purpose).
CREDENTIAL_CACHE_S = 60
# Verified passwords that are remembered at once in one web process.
CREDENTIAL_CACHE_MAX = 1_024
# Failed sign-ins of one user from one address (of IPv6, one /64) in a minute, then 429: guessing must not pay.
LOGIN_FAILURES_MAX = 20
# Seconds without use after which a session of the page ends: who comes back the next morning is still signed in.
SESSION_IDLE_S = 86_400
# Seconds after which a session ends however much it is used: a stolen one does not last.
SESSION_AGE_MAX_S = 1_209_600
# Sessions of one user: a few browsers on a few machines; the oldest ends when there is one more.
SESSIONS_EACH_MAX = 20
# Password hashes computed at once in one web process: each takes 64 MiB while it runs.
PASSWORD_HASHES_AT_ONCE_MAX = 2
# Sign-ins that wait for a hash: a hundred wait for some seconds, and more would wait for nothing.
SIGN_INS_WAITING_MAX = 100

# Seconds in which an identity provider must have given an answer, the whole of it: people wait for it.
OIDC_TIMEOUT_S = 10
# Bytes of one of its answers: a description, keys or tokens are some KiB, with hundreds of groups some ten.
OIDC_ANSWER_BYTES_MAX = 256 * 1024
# Sign-ins with it that one web process finishes at once: each waits for the provider, and holds little else.
OIDC_AT_ONCE_MAX = 20

# Keys of one user: one for each program, and two while one is rotated.
KEYS_MAX = 100
# Days after which a key ends at the most; 0 lets keys without an end be made.
KEY_DAYS_MAX = 0
# Days that a key may be given at all.
KEY_DAYS_MOST = 3_650
# Seconds for which the old key works beside the new one, unless who rotates it says otherwise: a day to deploy it.
KEY_OVERLAP_S = 86_400

# Days for which the audit log is kept: a year, in which somebody looks; -1 keeps it for ever.
AUDIT_DAYS = 365

# Seconds to wait for the store to answer a connection, and for a load to finish.
STORE_CONNECT_TIMEOUT_S = 5
STORE_LOAD_TIMEOUT_S = 120
# Statements that the embedded engine runs at once; one more place is kept for loads.
ENGINE_QUERIES_AT_ONCE_MAX = 4
# Memory that all statements of the embedded engine may take together.
ENGINE_MEMORY_BYTES_MAX = 4 * 1024 * 1024 * 1024
# How much worker and engine give way to the web processes (0 to 19): events must not wait for reports.
BACKGROUND_NICE = 10
# Seconds in which processes must have stopped after SIGTERM before they are killed.
STOP_TIMEOUT_S = 20
# Seconds between two looks for alerts, and 20 times as long as a look at least: people act on alerts within minutes.
ALERT_PERIOD_S = 60
# Events in an hour that are so usual that none at all is an alert; fewer come and go by chance: with twenty an hour on
# average, an hour without any happens once in fifty thousand years.
ALERT_SILENCE_EVENTS = 20
# How many times the busiest hour of a week an hour is to be an alert, and how many events it has at least: a doubling
# is a good day, five times as much is a loop in a client.
ALERT_SPIKE_FACTOR = 5
ALERT_SPIKE_EVENTS = 1_000
# Of the requests with events, how many in a hundred are refused: a client's mistakes are some, a broken release more.
ALERT_REFUSED_PERCENT = 20
# Seconds that the store is behind: a second is usual, minutes are a restart of the engine.
ALERT_LAG_S = 300
# Seconds for the receiver's whole answer. Nobody waits for it but the next message.
ALERT_TIMEOUT_S = 10
# Messages that wait for a receiver that is away; some KiB each, so that the file of them stays small.
ALERT_WAITING_MAX = 200
# Of 100 requests that no caller traces, how many are: enough to see what is slow, without a collector of the same size.
TRACES_PERCENT = 1
# Requests a second, of one process, that are traced because their callers say so, which strangers can too: with two
# spans each they would take two minutes to fill what waits for a collector that is away.
TRACES_CALLERS_PER_S = 20
# Spans that wait for the collector in one process, some KiB each in memory.
TRACES_WAITING_MAX = 5_000
