# Figures of a history in the order of their records, a panel for each series, and what changed.
# The lines above this one hold the data of this plot, those below are the same for every history.
#
# data_file index 2 (k - 1), of series k: place, value, low, high, has interval, stands apart, n, record
#           index 2 (k - 1) + 1: from, to, value at each of them: levels around steps, and drifts
reset
set terminal svg dynamic size 860, plot_height name "trend" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
blue = "#1f83c4"
red = "#d55e00"

set multiplot
set lmargin at screen 0.12
set rmargin at screen 0.94
set border 3
set grid ytics lc rgb faint lw 0.6 dt 3
set ytics nomirror
set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced font "sans-serif,11"

do for [p = 1:panel_count] {
    top = title_height + (p - 1) * panel_height
    set tmargin at screen 1 - (top + 48.0) / plot_height
    set bmargin at screen 1 - (top + panel_height - 46.0) / plot_height
    set label 3 panel_text[p] at screen 0.02, screen 1 - (top + 10.0) / plot_height \
        noenhanced font "sans-serif Bold,12"
    set key at screen 0.94, screen 1 - (top + 30.0) / plot_height right center horizontal noenhanced \
        samplen 2 font "sans-serif,11"
    set xrange [0.5:point_count[p] + 0.5]
    set offsets 0, 0, graph 0.18, graph 0.06
    set yrange [*:*]
    set format y panel_format[p]
    set xtics () nomirror
    set for [i = last_tic[p] + 1:last_tic[p + 1]] xtics add (tic_text[i] tic_at[i])
    set xlabel "records, by revision or day" noenhanced font "sans-serif,11"
    set ylabel metric_text[p] noenhanced
    unset arrow
    do for [i = 4:200] { unset label i }
    do for [i = last_mark[p] + 1:last_mark[p + 1]] {
        right = mark_at[i] > 0.7 * point_count[p]
        set arrow from first mark_at[i], graph 0 to first mark_at[i], graph 1 nohead lc rgb red lw 1.2 dt 2 back
        if (right) {
            set label 3 + i - last_mark[p] mark_text[i] at first mark_at[i], \
                graph 0.96 - 0.09 * ((i - last_mark[p] - 1) % 3) right offset -0.5, 0 noenhanced font "sans-serif,11"
        } else {
            set label 3 + i - last_mark[p] mark_text[i] at first mark_at[i], \
                graph 0.96 - 0.09 * ((i - last_mark[p] - 1) % 3) left offset 0.5, 0 noenhanced font "sans-serif,11"
        }
    }
    block = 2 * (p - 1)
    plot NaN notitle, \
        data_file index block + 1 using 1:3:($2 - $1):($4 - $3) with vectors nohead lw 2 lc rgb faint title "level", \
        data_file index block using 1:($5 == 1 ? $2 : NaN):3:4 with yerrorbars pt 7 ps 0.1 lw 1 lc rgb blue notitle, \
        data_file index block using 1:($6 == 0 ? $2 : NaN) with points pt 7 ps 0.6 lc rgb blue title "figure", \
        data_file index block using 1:($6 == 1 ? $2 : NaN) with points pt 2 ps 0.9 lw 1.6 lc rgb red title "stands apart"
    unset label 1
    unset label 2
}
unset multiplot
