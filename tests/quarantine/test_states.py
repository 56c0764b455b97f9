"""Where an event stands after whatever may happen to it, walked through in every order."""

from itertools import product

from quarantined import PLAN, WIDER, event

from footfall.quarantine import Selection

# The table of docs/quarantine.md: an event is nowhere, held, dropped, stored without a record, or released.
AFTER = {
    "nowhere": {"refused": "held", "taken": "stored", "release": "nowhere", "drop": "nowhere"},
    "held": {"refused": "held", "taken": "released", "release": "released", "drop": "dropped"},
    "dropped": {"refused": "dropped", "taken": "released", "release": "dropped", "drop": "dropped"},
    "stored": {"refused": "released", "taken": "stored", "release": "stored", "drop": "stored"},
    "released": {"refused": "released", "taken": "released", "release": "released", "drop": "released"},
}
STEPS = 4


async def send(there, plan, keys):
    """Send these again, each with its key; gives the name of each event, whose place is the second in its request."""
    there.use(plan)
    sent = [event("OPENED", "u"), event("RETURNED", "u", "i"), event("OPENED", "v")]
    names = {}
    for key in keys:
        answered, held = await there.post(*sent, key=key)
        assert ([each["sequence"] for each in answered], held) == (([1, 3], 1) if plan is PLAN else ([1, 2, 3], 0))
        names[key] = f"{answered[0]['batch']}/2"
    return names


async def test_every_way_of_an_event_ends_where_the_table_says(node):
    async with node().open() as there:
        ways = {"-".join(way): way for way in product(AFTER["nowhere"], repeat=STEPS)}
        states, names = dict.fromkeys(ways, "nowhere"), {}
        for step in range(STEPS):
            due = {what: [key for key, way in ways.items() if way[step] == what] for what in AFTER["nowhere"]}
            names |= await send(there, PLAN, due["refused"])
            names |= await send(there, WIDER, due["taken"])
            for what, call in (("release", there.quarantine.release), ("drop", there.quarantine.drop)):
                known = tuple(names[key] for key in due[what] if key in names)
                if known:
                    await there.load()  # a change comes when the one before it shows
                    outcome = await call(Selection(ids=known), "root")
                    assert outcome.changed == sum(states[key] == "held" for key in due[what])
            await there.load()
            states = {key: AFTER[state][ways[key][step]] for key, state in states.items()}
            assert await found(there, names) == {names[key]: states[key] for key in names}


async def found(there, names):
    """Where each event stands, by its name, as the lists, the counts and the events say it."""
    rows = there.stored("toString(batch), sequence")
    assert len(rows) == len(set(rows))
    stored = {f"{batch}/{sequence}" for batch, sequence in rows if sequence == 2}
    standing = {}
    for state in ("held", "dropped", "released"):
        listed = await there.held(state=state)
        assert len(listed) == await there.quarantine.count(Selection(state=state))
        assert all(bool(each.context) is (state == "held") for each in listed)
        standing |= {each.id: state for each in listed}
    assert {name for name, state in standing.items() if state == "released"} <= stored
    for name, state in list(standing.items())[::20]:
        assert (await there.quarantine.find(name)).state == state
    return {name: standing.get(name, "stored" if name in stored else "nowhere") for name in names.values()}
