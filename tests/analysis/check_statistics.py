"""Compares mm_statistics with numpy and scipy; the argument is the program statistics_table."""
import functools
import json
import subprocess
import sys

try:
    import numpy
    from scipy import stats
except ImportError as missing:
    print(f"skipped: {missing} (python3-numpy, python3-scipy)")
    sys.exit(77)


@functools.lru_cache(maxsize=None)
def rank_coverage(count, rank):
    return 1 - 2 * stats.binom.cdf(rank, count, 0.5)


def check_interval(row):
    count = len(row["base"])
    ranks = [r for r in range((count + 1) // 2) if rank_coverage(count, r) >= 0.95]
    if not ranks:
        assert row["interval"] is None and count < 6, row
        return
    rank = max(ranks)
    ordered = sorted(row["base"])
    low, high, coverage = row["interval"]
    assert (low, high) == (ordered[rank], ordered[count - 1 - rank]), row
    assert abs(coverage - rank_coverage(count, rank)) < 1e-9, row


def check_ratio(row):
    base, head = sorted(row["base"]), sorted(row["head"])
    if len(base) < 6 or len(head) < 6:
        assert row["ratio"] is None, row
        return
    low, high, coverage = row["ratio"]
    boxes = [
        (head[h] / base[-1 - b], head[-1 - h] / base[b],
         rank_coverage(len(base), b) * rank_coverage(len(head), h))
        for b in range((len(base) + 1) // 2) for h in range((len(head) + 1) // 2)]
    assert any(abs(low - box[0]) < 1e-12 and abs(high - box[1]) < 1e-12
               and abs(coverage - box[2]) < 1e-9 for box in boxes), row
    widest = boxes[0][2]
    assert coverage >= min(0.95, widest) - 1e-9, row


def check_share(row):
    """The bounds of Clopper and Pearson are quantiles of beta distributions."""
    trials = len(row["base"])
    successes = len(row["head"]) % (trials + 1)
    low, high = row["share"]
    wanted_low = stats.beta.ppf(0.05, successes, trials - successes + 1) if successes else 0
    wanted_high = stats.beta.ppf(0.95, successes + 1, trials - successes) \
        if successes < trials else 1
    assert abs(low - wanted_low) < 1e-9 and abs(high - wanted_high) < 1e-9, row


def check_simulated_coverage(sizes, rounds=4000):
    """The box of the ratio covers the true ratio of medians at least as often as it says."""
    generator = numpy.random.default_rng(5)
    for count, rank in sizes:
        base = numpy.sort(generator.lognormal(0, 0.1, (rounds, count)), axis=1)
        head = numpy.sort(generator.lognormal(0.05, 0.3, (rounds, count)), axis=1)
        low = head[:, rank] / base[:, count - 1 - rank]
        high = head[:, count - 1 - rank] / base[:, rank]
        truth = numpy.exp(0.05)
        share = numpy.mean((low <= truth) & (truth <= high))
        assert share >= rank_coverage(count, rank) ** 2 - 0.01, (count, share)


def main():
    lines = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in lines.splitlines()]
    assert len(rows) == 80
    for row in rows:
        assert row["median"] == numpy.median(row["base"]) or \
            abs(row["median"] / numpy.median(row["base"]) - 1) < 1e-15, row
        assert abs(row["q10"] / numpy.quantile(row["base"], 0.1) - 1) < 1e-12, row
        assert abs(row["q99"] / numpy.quantile(row["base"], 0.99) - 1) < 1e-12, row
        check_interval(row)
        check_ratio(row)
        check_share(row)
    check_simulated_coverage([(6, 0), (12, 2), (30, 9)])
    print(f"{len(rows)} samples agree with numpy and scipy")


main()
