"""Token buckets: how much a key gets in any time, and a table that is bounded and from which nobody is pushed."""

import random

import pytest

from footfall.rate_limits import BucketTable
from footfall.rate_limits.token_bucket import SHARED_BUCKETS


def take(table, bucket, cost, now_s):
    """As the callers do."""
    bucket.left -= cost
    return bucket.left >= 0 or table.renew(bucket, cost, now_s)


def test_a_key_gets_its_burst_and_then_its_rate():
    table = BucketTable(10, 50, 100)
    bucket = table.find("a", 0.0)
    assert sum(take(table, bucket, 1, 0.0) for _ in range(100)) == 50
    assert table.wait_s(bucket, 0.0) == 1
    assert not take(table, bucket, 1, 0.09)
    assert sum(take(table, bucket, 1, 0.1 + step / 10) for step in range(100)) == 100
    assert sum(take(table, bucket, 1, 10.0 + step / 100) for step in range(1_001)) == 100
    # After a pause it has a burst again, and no more.
    assert sum(take(table, bucket, 1, 1_000.0) for _ in range(100)) == 50


def test_a_bucket_owes_what_its_last_request_cost():
    table = BucketTable(10, 50, 100)
    bucket = table.find("a", 0.0)
    assert take(table, bucket, 49, 0.0)
    assert take(table, bucket, 500, 0.0)
    assert not take(table, bucket, 1, 49.9)
    assert table.wait_s(bucket, 0.0) == 50
    assert take(table, bucket, 1, 50.0)


@pytest.mark.parametrize("seed", range(5))
def test_no_interval_has_more_than_the_burst_the_rate_and_one_request(seed):
    chance = random.Random(seed)
    rate, burst = chance.choice([0.5, 3, 200]), chance.choice([1, 7, 100])
    table = BucketTable(rate, burst, 10)
    bucket, now, taken = table.find("a", 0.0), 0.0, []
    for _ in range(400):
        now += chance.choice([0, 0, 0.3 / rate, 1 / rate, chance.random() * burst / rate])
        cost = chance.choice([1, 1, 1, 5])
        if take(table, bucket, cost, now):
            taken.append((now, cost))
    for first, (begin, _) in enumerate(taken):
        total = 0
        for end, cost in taken[first:]:
            total += cost
            assert total <= burst + rate * (end - begin) + 4 + table.lease + 1e-6


def test_the_table_lets_go_of_full_buckets_and_of_no_others():
    table = BucketTable(1, 10, 50)
    spent = [table.find(f"spent{number}", 0.0) for number in range(40)]
    for bucket in spent:
        assert sum(take(table, bucket, 1, 0.0) for _ in range(20)) == 10
    # Thousands come, each with a request of its own.
    for number in range(5_000):
        assert take(table, table.find(f"new{number}", 5.0), 1, 5.0) or len(table) == 50
        assert len(table) <= 50
    for number, bucket in enumerate(spent):
        assert table.find(f"spent{number}", 5.0) is bucket
        assert sum(take(table, bucket, 1, 5.0) for _ in range(20)) == 5
    # Later there is room again, and whoever kept a bucket that was let go of gets nothing from it.
    kept = table.find("spent0", 1_000.0)
    for number in range(200):
        table.find(f"late{number}", 1_000.0)
    assert table.find("spent0", 1_000.0) is not kept
    assert kept.is_dropped
    assert not take(table, kept, 1, 1_000.0)


def test_keys_without_room_share_a_few_buckets():
    table = BucketTable(1, 10, 8)
    for number in range(8):
        assert take(table, table.find(f"old{number}", 0.0), 1, 0.0)
    shared = {id(table.find(f"new{number}", 0.0)) for number in range(20_000)}
    assert SHARED_BUCKETS / 2 < len(shared) <= SHARED_BUCKETS
    assert table.find("new1", 0.0) is table.find("new1", 0.0)
    assert len(table) == 8
