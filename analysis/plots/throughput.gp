# Throughput of every case: its median with the interval, or the launches alone, on a log axis.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index 0: row, median, low, high, launches, has interval, state, case
#           index 1: row, one launch, state
# state: 0 cold, 1 warm, 2 another
reset
set terminal svg dynamic size 860, plot_height name "throughput" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

cold = "#1f83c4"
warm = "#d55e00"
other = "#0a8f6a"
faint = "#808080"

set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced \
    font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced \
    font "sans-serif,11"
set lmargin at screen 0.27
set rmargin at screen 0.68
set tmargin at screen 1 - 90.0 / plot_height
set bmargin at screen 54.0 / plot_height

set logscale x
set xrange [axis_low:axis_high]
set yrange [row_count + 0.7:0.3]
set xlabel "throughput in bytes per second, log axis; bars are the intervals of the medians, small crosses the launches" \
    noenhanced font "sans-serif,11"
set xtics () nomirror
set for [i = 1:tic_count] xtics add (tic_text[i] tic_at[i])
unset ytics
set grid xtics lc rgb faint lw 0.6 dt 3
set border 1
set key at screen 0.5, screen 1 - 62.0 / plot_height center center horizontal noenhanced samplen 1.5

do for [i = 1:row_count] {
    if (row_is_heading[i]) {
        set label 10 + 2 * i row_text[i] at screen 0.012, first i noenhanced font "sans-serif Bold,12"
    } else {
        set label 10 + 2 * i row_text[i] at screen 0.03, first i noenhanced
        set label 11 + 2 * i row_note[i] at screen 0.69, first i noenhanced font "sans-serif,11"
        set arrow 10 + i from graph 0, first i to graph 1, first i nohead lc rgb faint lw 0.3 back
    }
}

# A launch that is shown alone is a cross or a plus, a median with its interval is filled.
only(wanted, state, value) = (wanted == state ? value : NaN)
plot NaN notitle, \
    for [s = 0:2] data_file index 1 using (only(s, $3, $2)):1 with points pt (s == 0 ? 2 : s == 1 ? 1 : 3) \
        ps 0.55 lc rgb (s == 0 ? cold : s == 1 ? warm : other) notitle, \
    data_file index 0 using ($6 == 1 && $7 == 0 ? $2 : NaN):1:3:4 with xerrorbars pt 7 ps 0.7 lw 1.6 \
        lc rgb cold title (has_state[1] ? "cold" : ""), \
    data_file index 0 using ($6 == 1 && $7 == 1 ? $2 : NaN):1:3:4 with xerrorbars pt 9 ps 0.8 lw 1.6 \
        lc rgb warm title (has_state[2] ? "warm" : ""), \
    data_file index 0 using ($6 == 1 && $7 == 2 ? $2 : NaN):1:3:4 with xerrorbars pt 13 ps 0.8 lw 1.6 \
        lc rgb other title (has_state[3] ? "other state" : ""), \
    data_file index 0 using ($6 == 0 && $7 == 0 ? $2 : NaN):1 with points pt 6 ps 0.8 lw 1.2 \
        lc rgb cold title (has_points[1] ? "cold, n < 6" : ""), \
    data_file index 0 using ($6 == 0 && $7 == 1 ? $2 : NaN):1 with points pt 8 ps 0.9 lw 1.2 \
        lc rgb warm title (has_points[2] ? "warm, n < 6" : ""), \
    data_file index 0 using ($6 == 0 && $7 == 2 ? $2 : NaN):1 with points pt 12 ps 0.9 lw 1.2 \
        lc rgb other title (has_points[3] ? "other state, n < 6" : "")
