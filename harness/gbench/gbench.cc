// Google Benchmark behind a C interface: every check that the library would abort on is made here
// first, and every exception ends here.
#include "harness/gbench/gbench.h"

#include <benchmark/benchmark.h>

#include <cerrno>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <ostream>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// The class of a registered benchmark moved between namespaces in 1.9; what the registration
// returns is it in all versions.
using library_function = void (*)(benchmark::State &);
using library_benchmark = std::remove_pointer_t<decltype(benchmark::RegisterBenchmark(
    "", std::declval<library_function>()))>;

struct gbench_benchmark {
    gbench_function function = nullptr;
    void *context = nullptr;
    library_benchmark *registered = nullptr;
    bool fixed_iterations = false;
    bool minimum_time = false;
    bool real_time = false;
    bool manual_time = false;
    bool has_arguments = false;
    size_t argument_count = 0;
    // Repetitions of one counter with different flags abort the library.
    std::mutex flags_mutex;
    std::map<std::string, unsigned> counter_flags;
};

struct gbench_state {
    benchmark::State *state;
    gbench_benchmark *benchmark;
    bool finished; // the loop has ended by itself
};

namespace
{

// Calls body and turns what it throws into a negative errno.
template <class Body> int without_exceptions(Body &&body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return -ENOMEM;
    } catch (...) {
        return -ECANCELED;
    }
}

bool has_error(const benchmark::State &state)
{
#if GBENCH_LIBRARY_VERSION_NUMBER >= 10800
    return state.skipped();
#else
    return state.error_occurred();
#endif
}

// Runs the C function and leaves the library's state machine where it must be: an early return
// would abort ("returned before KeepRunning() returned false"), and a repetition whose loop was
// never started would abort the aggregates, which want equal iterations everywhere.
void run_function(gbench_benchmark &benchmark, benchmark::State &state)
{
    gbench_state wrapped = {&state, &benchmark, false};
    try {
        benchmark.function(&wrapped, benchmark.context);
    } catch (...) {
        state.SkipWithError("the benchmark function threw an exception");
    }
    if (wrapped.finished)
        return;
    if (!has_error(state))
        state.SkipWithError("the benchmark function returned before its loop had ended");
    state.KeepRunning();
}

bool run_failed(const benchmark::BenchmarkReporter::Run &run, const char **message)
{
#if GBENCH_LIBRARY_VERSION_NUMBER >= 10800
    *message = run.skip_message.c_str();
    return run.skipped != decltype(run.skipped)(0);
#else
    *message = run.error_message.c_str();
    return run.error_occurred;
#endif
}

constexpr double NANOSECONDS_PER_SECOND = 1e9;

// The library scales aggregates of times so that dividing them by iterations gives the time of one
// iteration; aggregates that are ratios are left alone.
double reported_ns(const benchmark::BenchmarkReporter::Run &run, double accumulated_seconds)
{
    if (run.run_type != benchmark::BenchmarkReporter::Run::RT_Aggregate)
        return accumulated_seconds * NANOSECONDS_PER_SECOND;
    if (run.aggregate_unit == benchmark::kPercentage)
        return accumulated_seconds;
    double iterations = run.iterations > 0 ? static_cast<double>(run.iterations) : 1.0;
    return accumulated_seconds / iterations * NANOSECONDS_PER_SECOND;
}

// Hands every run to the C reporter and prints nothing.
class forwarding_reporter : public benchmark::BenchmarkReporter
{
  public:
    forwarding_reporter(gbench_reporter reporter, void *context)
        : reporter_(reporter), context_(context), silence_(nullptr)
    {
        SetOutputStream(&silence_);
        SetErrorStream(&complaints_);
    }

    bool ReportContext(const Context &) override
    {
        return true;
    }

    void ReportRuns(const std::vector<Run> &runs) override
    {
        for (const Run &run : runs)
            report(run);
    }

    // A filter that does not compile is told to the error stream alone: the count is 0 as well when
    // nothing matches.
    bool bad_filter() const
    {
        return complaints_.str().find("Could not compile") != std::string::npos;
    }

  private:
    void report(const Run &run)
    {
        std::string name = run.benchmark_name();
        std::vector<gbench_counter> counters;
        counters.reserve(run.counters.size());
        for (const auto &counter : run.counters)
            counters.push_back({counter.first.c_str(), counter.second.value});
        bool aggregate = run.run_type == Run::RT_Aggregate;
        const char *message = nullptr;
        bool failed = run_failed(run, &message);

        gbench_result result = {};
        result.name = name.c_str();
        result.label = run.report_label.c_str();
        result.error = failed ? message : nullptr;
        result.aggregate = aggregate;
        result.aggregate_name = aggregate ? run.aggregate_name.c_str() : nullptr;
        result.iterations = run.iterations;
        result.repetition = run.repetition_index;
        result.threads = run.threads;
        result.real_time_ns = reported_ns(run, run.real_accumulated_time);
        result.cpu_time_ns = reported_ns(run, run.cpu_accumulated_time);
        result.counters = counters.data();
        result.counter_count = counters.size();
        reporter_(&result, context_);
    }

    gbench_reporter reporter_;
    void *context_;
    std::ostream silence_; // without a buffer: it swallows everything
    std::ostringstream complaints_;
};

// The library takes the defaults of its flags from BENCHMARK_* variables of the environment, which
// could repeat, shuffle, only list, or write files. Setting each flag here makes them void. The
// first word must live as long as the process; flags of other versions are ignored by it.
int initialize_library()
{
    static char words[][48] = {
        "gbench",
        "--benchmark_list_tests=false",
        "--benchmark_filter=",
#if GBENCH_LIBRARY_VERSION_NUMBER >= 10800
        "--benchmark_min_time=0.5s",
#else
        "--benchmark_min_time=0.5",
#endif
        "--benchmark_min_warmup_time=0",
        "--benchmark_repetitions=1",
        "--benchmark_dry_run=false",
        "--benchmark_enable_random_interleaving=false",
        "--benchmark_report_aggregates_only=false",
        "--benchmark_display_aggregates_only=false",
        "--benchmark_out=",
        "--benchmark_perf_counters=",
        "--v=0",
    };
    constexpr size_t count = sizeof(words) / sizeof(words[0]);
    char *arguments[count + 1] = {};
    for (size_t i = 0; i < count; i++)
        arguments[i] = words[i];
    int argument_count = static_cast<int>(count);
    benchmark::Initialize(&argument_count, arguments);
    return 0;
}

int set_counter(gbench_state *state, const char *name, double value, unsigned flags)
{
    constexpr unsigned known = GBENCH_COUNTER_BINARY_UNIT * 2 - 1;
    if (!name || !*name || (flags & ~known))
        return -EINVAL;
    return without_exceptions([&] {
        {
            std::lock_guard<std::mutex> lock(state->benchmark->flags_mutex);
            auto earlier = state->benchmark->counter_flags.emplace(name, flags).first;
            if (earlier->second != flags)
                return -EINVAL;
        }
        using benchmark::Counter;
        unsigned bits = 0;
        if (flags & GBENCH_COUNTER_RATE)
            bits |= unsigned(Counter::kIsRate);
        if (flags & GBENCH_COUNTER_AVERAGE_THREADS)
            bits |= unsigned(Counter::kAvgThreads);
        if (flags & GBENCH_COUNTER_ITERATION_INVARIANT)
            bits |= unsigned(Counter::kIsIterationInvariant);
        if (flags & GBENCH_COUNTER_AVERAGE_ITERATIONS)
            bits |= unsigned(Counter::kAvgIterations);
        if (flags & GBENCH_COUNTER_INVERT)
            bits |= unsigned(Counter::kInvert);
        auto unit = (flags & GBENCH_COUNTER_BINARY_UNIT) ? Counter::kIs1024 : Counter::kIs1000;
        state->state->counters[name] = Counter(value, static_cast<Counter::Flags>(bits), unit);
        return 0;
    });
}

} // namespace

struct gbench_benchmark *gbench_register(const char *name, gbench_function function, void *context)
{
    if (!name || !*name || !function)
        return nullptr;
    gbench_benchmark *registered = nullptr;
    int status = without_exceptions([&] {
        // The registered closure owns the benchmark, so the library's registry does.
        auto benchmark = std::make_shared<gbench_benchmark>();
        benchmark->function = function;
        benchmark->context = context;
        benchmark->registered = benchmark::RegisterBenchmark(
            name, [benchmark](benchmark::State &state) { run_function(*benchmark, state); });
        registered = benchmark.get();
        return 0;
    });
    return status == 0 ? registered : nullptr;
}

int gbench_add_arguments(struct gbench_benchmark *benchmark, const int64_t *arguments, size_t count)
{
    if (!benchmark || !arguments || count == 0)
        return -EINVAL;
    if (benchmark->has_arguments && benchmark->argument_count != count)
        return -EINVAL;
    return without_exceptions([&] {
        benchmark->registered->Args(std::vector<int64_t>(arguments, arguments + count));
        benchmark->has_arguments = true;
        benchmark->argument_count = count;
        return 0;
    });
}

int gbench_set_iterations(struct gbench_benchmark *benchmark, int64_t iterations)
{
    if (!benchmark || iterations <= 0 || benchmark->minimum_time)
        return -EINVAL;
    benchmark->fixed_iterations = true;
    return without_exceptions([&] {
        benchmark->registered->Iterations(iterations);
        return 0;
    });
}

int gbench_set_min_time(struct gbench_benchmark *benchmark, double seconds)
{
    // Below an epsilon the library takes the time for unset.
    constexpr double shortest = 1e-9;
    if (!benchmark || !std::isfinite(seconds) || seconds < shortest || benchmark->fixed_iterations)
        return -EINVAL;
    benchmark->minimum_time = true;
    return without_exceptions([&] {
        benchmark->registered->MinTime(seconds);
        return 0;
    });
}

int gbench_set_repetitions(struct gbench_benchmark *benchmark, int repetitions)
{
    if (!benchmark || repetitions <= 0)
        return -EINVAL;
    return without_exceptions([&] {
        benchmark->registered->Repetitions(repetitions);
        return 0;
    });
}

int gbench_set_threads(struct gbench_benchmark *benchmark, int threads)
{
    if (!benchmark || threads <= 0 || threads > GBENCH_THREADS_MAX)
        return -EINVAL;
    return without_exceptions([&] {
        benchmark->registered->Threads(threads);
        return 0;
    });
}

int gbench_set_unit(struct gbench_benchmark *benchmark, enum gbench_unit unit)
{
    benchmark::TimeUnit library_unit;
    switch (unit) {
    case GBENCH_NANOSECOND:
        library_unit = benchmark::kNanosecond;
        break;
    case GBENCH_MICROSECOND:
        library_unit = benchmark::kMicrosecond;
        break;
    case GBENCH_MILLISECOND:
        library_unit = benchmark::kMillisecond;
        break;
    case GBENCH_SECOND:
        library_unit = benchmark::kSecond;
        break;
    default:
        return -EINVAL;
    }
    if (!benchmark)
        return -EINVAL;
    return without_exceptions([&] {
        benchmark->registered->Unit(library_unit);
        return 0;
    });
}

int gbench_use_real_time(struct gbench_benchmark *benchmark)
{
    if (!benchmark || benchmark->manual_time)
        return -EINVAL;
    benchmark->real_time = true;
    return without_exceptions([&] {
        benchmark->registered->UseRealTime();
        return 0;
    });
}

int gbench_use_manual_time(struct gbench_benchmark *benchmark)
{
    if (!benchmark || benchmark->real_time)
        return -EINVAL;
    benchmark->manual_time = true;
    return without_exceptions([&] {
        benchmark->registered->UseManualTime();
        return 0;
    });
}

int gbench_measure_process_cpu_time(struct gbench_benchmark *benchmark)
{
    if (!benchmark)
        return -EINVAL;
    return without_exceptions([&] {
        benchmark->registered->MeasureProcessCPUTime();
        return 0;
    });
}

bool gbench_keep_running(struct gbench_state *state)
{
    // Asking again after the end would abort.
    if (state->finished)
        return false;
    if (state->state->KeepRunning())
        return true;
    state->finished = true;
    return false;
}

void gbench_set_iteration_time(struct gbench_state *state, double seconds)
{
    state->state->SetIterationTime(seconds);
}

void gbench_skip_with_error(struct gbench_state *state, const char *message)
{
    (void)without_exceptions([&] {
        state->state->SkipWithError(message ? message : "no reason given");
        return 0;
    });
}

int64_t gbench_argument(const struct gbench_state *state, size_t index)
{
    return index < state->benchmark->argument_count ? state->state->range(index) : 0;
}

size_t gbench_argument_count(const struct gbench_state *state)
{
    return state->benchmark->argument_count;
}

int64_t gbench_iterations(const struct gbench_state *state)
{
    return state->state->max_iterations;
}

int gbench_thread_index(const struct gbench_state *state)
{
    return state->state->thread_index();
}

int gbench_thread_count(const struct gbench_state *state)
{
    return state->state->threads();
}

int gbench_set_bytes_processed(struct gbench_state *state, int64_t bytes)
{
    return set_counter(state, "bytes_per_second", static_cast<double>(bytes),
                       GBENCH_COUNTER_RATE | GBENCH_COUNTER_BINARY_UNIT);
}

int gbench_set_items_processed(struct gbench_state *state, int64_t items)
{
    return set_counter(state, "items_per_second", static_cast<double>(items), GBENCH_COUNTER_RATE);
}

int gbench_set_counter(struct gbench_state *state, const char *name, double value, unsigned flags)
{
    return set_counter(state, name, value, flags);
}

int gbench_set_label(struct gbench_state *state, const char *label)
{
    if (!label)
        return -EINVAL;
    return without_exceptions([&] {
        state->state->SetLabel(label);
        return 0;
    });
}

int gbench_run(const char *filter, gbench_reporter reporter, void *context, size_t *count)
{
    if (!reporter)
        return -EINVAL;
    return without_exceptions([&] {
        static const int initialized = initialize_library();
        (void)initialized;
        forwarding_reporter forward(reporter, context);
        size_t matched = benchmark::RunSpecifiedBenchmarks(&forward, filter ? filter : ".");
        if (forward.bad_filter())
            return -EINVAL;
        if (count)
            *count = matched;
        return 0;
    });
}

void gbench_clear(void)
{
    (void)without_exceptions([] {
        benchmark::ClearRegisteredBenchmarks();
        return 0;
    });
}

const char *gbench_library_version(void)
{
    return GBENCH_LIBRARY_VERSION;
}
