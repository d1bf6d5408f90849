# Every launch of every case as the ratio to the median of its case; the density behind many.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index 0: row, 1, low, high (of the interval), launches, has interval, state, case
#           index 1: row with an offset, ratio of one launch, state
#           index 2: row, ratio: outlines of densities
# state: 0 cold, 1 warm, 2 another
reset
set terminal svg dynamic size 860, plot_height name "launches" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

colour(s) = word("#1f83c4 #d55e00 #0a8f6a", s + 1)
hollow(s) = int(word("6 8 12", s + 1))
filled(s) = int(word("7 9 13", s + 1))
state_text(s) = word("cold warm other", s + 1)
faint = "#808080"

set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced \
    font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced \
    font "sans-serif,11"
set lmargin at screen 0.27
set rmargin at screen 0.70
set tmargin at screen 1 - 90.0 / plot_height
set bmargin at screen 54.0 / plot_height

set logscale x
set xrange [axis_low:axis_high]
set yrange [row_count + 0.7:0.3]
set xlabel "throughput of a launch beside the median of its case, log axis; bars are the intervals of the medians" \
    noenhanced font "sans-serif,11"
set xtics () nomirror
set for [i = 1:tic_count] xtics add (tic_text[i] tic_at[i])
unset ytics
set grid xtics lc rgb faint lw 0.6 dt 3
set border 1
set key at screen 0.5, screen 1 - 62.0 / plot_height center center horizontal noenhanced samplen 1.5
set style fill transparent solid 0.3 noborder

do for [i = 1:row_count] {
    if (row_is_heading[i]) {
        set label 10 + 2 * i row_text[i] at screen 0.012, first i noenhanced font "sans-serif Bold,12"
    } else {
        set label 10 + 2 * i row_text[i] at screen 0.03, first i noenhanced
        set label 11 + 2 * i row_note[i] at screen 0.71, first i noenhanced font "sans-serif,11"
    }
}
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead lc rgb faint lw 1 back

# An outline that is not there would be an empty index.
violins = violin_count > 0 ? 2 : 1
plot NaN notitle, \
    data_file index violins using (violin_count > 0 ? $2 : NaN):1 with filledcurves closed \
        lc rgb faint title (violin_count > 0 ? "density" : ""), \
    for [s = 0:2] data_file index 0 using ($6 == 1 && $7 == s ? 1 : NaN):1:3:4 with xerrorbars \
        pt filled(s) ps 0.7 lw 1.4 lc rgb colour(s) title (has_state[s + 1] ? state_text(s)." median" : ""), \
    for [s = 0:2] data_file index 1 using ($3 == s ? $2 : NaN):1 with points pt hollow(s) ps 0.4 lw 1.1 \
        lc rgb colour(s) title (has_state[s + 1] || has_points[s + 1] ? state_text(s)." launch" : "")
