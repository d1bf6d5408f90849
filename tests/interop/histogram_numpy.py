"""Percentiles of the histogram beside the exact ones that numpy takes from all values: recorded
latencies, and seeded ones of the shapes that latencies have. Arguments: the program
histogram_quantiles and the file of recorded latencies."""
import subprocess
import sys

try:
    import numpy
except ImportError as missing:
    print(f"skipped: {missing} (python3-numpy)")
    sys.exit(77)

SHARES = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1]


def quantiles_of(program, values):
    text = "\n".join(map(str, values.tolist()))
    lines = subprocess.run([program, *map(str, SHARES)], input=text, check=True,
                           capture_output=True, text=True).stdout.split()
    assert int(lines[0]) == len(values), (lines[0], len(values))
    return [int(line) for line in lines[1:]]


def check(name, program, values):
    worst = 0.0
    for share, found in zip(SHARES, quantiles_of(program, values), strict=True):
        exact = int(numpy.quantile(values, share, method="inverted_cdf"))  # the nearest rank
        error = abs(found - exact) / exact if exact else float(found)
        assert error <= 0.01, f"{name}, {share}: {found} instead of {exact}"
        worst = max(worst, error)
    print(f"{name}: {len(values)} values, the worst percentile is off by {100 * worst:.2f} %")


def main():
    program, recorded = sys.argv[1:]
    check("recorded latencies", program, numpy.loadtxt(recorded, dtype=numpy.uint64))
    generator = numpy.random.default_rng(11)
    shapes = {
        "lognormal": generator.lognormal(9, 1.5, 50_000),
        "pareto": 500 * (1 + generator.pareto(1.1, 50_000)),
        "two modes": numpy.where(generator.random(50_000) < 0.99,
                                 generator.normal(900, 60, 50_000),
                                 generator.normal(2e8, 1e6, 50_000)),
        "small": generator.integers(0, 300, 5_000),
        "few": generator.integers(1, 2**40, 7),
        "huge": generator.integers(2**61, 2**62, 5_000),
    }
    for name, values in shapes.items():
        check(name, program, numpy.maximum(values, 0).astype(numpy.uint64))


main()
