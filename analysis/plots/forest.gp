# Ratios of two sides with their intervals, a row for each case, on a log axis around 1.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file: row, ratio, low, high, n, side (0 below 1, 1 across it, 2 above, 3 no interval), margin,
#            target (0: none), label
reset
set terminal svg dynamic size 1000, plot_height name "forest" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
colour(s) = word("#1f83c4 #808080 #d55e00 #0a8f6a", s + 1)
marker(s) = int(word("9 7 11 6", s + 1))
array side_text = ["interval below 1", "interval holds 1", "interval above 1", "no interval"]

set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced \
    font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced \
    font "sans-serif,11"
set lmargin at screen 0.36
set rmargin at screen 0.73
set tmargin at screen 1 - 116.0 / plot_height
set bmargin at screen 54.0 / plot_height

set logscale x
set xrange [axis_low:axis_high]
set yrange [row_count + 0.7:0.3]
set xlabel axis_text.", log axis" noenhanced font "sans-serif,11"
set xtics () nomirror
set for [i = 1:tic_count] xtics add (tic_text[i] tic_at[i])
unset ytics
set grid xtics lc rgb faint lw 0.6 dt 3
set border 1
set key at screen 0.5, screen 1 - 56.0 / plot_height center top horizontal noenhanced samplen 1.5 \
    font "sans-serif,11"

do for [i = 1:row_count] {
    set label 10 + 2 * i row_text[i] at screen 0.012, first i noenhanced font "sans-serif,11"
    set label 11 + 2 * i row_note[i] at screen 0.74, first i noenhanced font "sans-serif,11"
}
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead lc rgb faint lw 1.2 back

plot NaN notitle, \
    data_file using ($7 > 0 ? $7 : NaN):($1 - 0.4):(0):(0.8) with vectors nohead lw 1 lc rgb faint \
        title (has_margin ? "margin" : ""), \
    data_file using ($8 > 0 ? $8 : NaN):($1 - 0.4):(0):(0.8) with vectors nohead lw 2.6 lc rgb faint \
        title (has_target ? "target" : ""), \
    for [s = 0:3] data_file using ($6 == s ? $2 : NaN):1:3:4 with xerrorbars pt marker(s) ps 0.8 lw 1.6 \
        lc rgb colour(s) title (has_side[s + 1] ? side_text[s + 1] : "")
