from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from footfall.state import Node, State


def test_a_node_is_put_over_itself(state: State) -> None:
    state.node_put("b", 100, 200)
    state.node_put("a", 1, 2)
    state.node_put("b", 300, 400)
    assert state.node_list() == [
        Node(node="a", loaded_through_ms=1, seen_ms=2),
        Node(node="b", loaded_through_ms=300, seen_ms=400),
    ]
    state.node_remove("b")
    state.node_remove("unknown")
    assert [node.node for node in state.node_list()] == ["a"]


def test_a_secret_is_random_and_stays(state: State, url: str) -> None:
    links, other = state.secret("links"), state.secret("other")
    assert (len(links), len(other)) == (32, 32)
    assert links != other
    with closing(State(url)) as again:
        assert again.secret("links") == links


def test_all_who_ask_first_get_the_same_secret(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(state.secret, ["links"] * 32))) == 1


def test_nodes_put_themselves_at_the_same_time(state: State) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: state.node_put("a", number, number), range(32)))
    assert len(state.node_list()) == 1
