from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from footfall.state import Node, State


def test_a_node_is_put_over_itself(state: State) -> None:
    state.nodes.put("b", 100, 200)
    state.nodes.put("a", 1, 2)
    state.nodes.put("b", 300, 400)
    assert state.nodes.all() == [
        Node(node="a", loaded_through_ms=1, seen_ms=2),
        Node(node="b", loaded_through_ms=300, seen_ms=400),
    ]
    state.nodes.remove("b")
    state.nodes.remove("unknown")
    assert [node.node for node in state.nodes.all()] == ["a"]


def test_a_secret_is_random_and_stays(state: State, url: str) -> None:
    links, other = state.secrets.get("links"), state.secrets.get("other")
    assert (len(links), len(other)) == (32, 32)
    assert links != other
    with closing(State(url)) as again:
        assert again.secrets.get("links") == links


def test_all_who_ask_first_get_the_same_secret(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(state.secrets.get, ["links"] * 32))) == 1


def test_nodes_put_themselves_at_the_same_time(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: state.nodes.put("a", number, number), range(32)))
    assert len(state.nodes.all()) == 1
