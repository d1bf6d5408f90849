# Throughput over time, a panel for each case; fill and steady state told apart; dirty pages beside.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index k - 1, of line k: seconds, bytes per second since the point before, dirty bytes
reset
set terminal svg dynamic size 860, plot_height name "series" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
# Whole samples, fill, steady state: told apart by dash and marker as well as by colour.
colour(kind) = word("#1f83c4 #1f83c4 #d55e00", kind + 1)
dash(kind) = int(word("1 1 2", kind + 1))
marker(kind) = int(word("7 7 8", kind + 1))

set multiplot
set lmargin at screen 0.13
set rmargin at screen 0.88
set format y "%.0s %cB/s"
set format y2 "%.0s %cB"
set xrange [0:*]
set yrange [0:*]
set y2range [0:*]
set xtics nomirror
set ytics nomirror
set grid xtics ytics lc rgb faint lw 0.6 dt 3
set border 3
set xlabel "seconds since the first pass began" noenhanced
set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced font "sans-serif,11"

do for [panel = 1:panel_count] {
    top = title_height + (panel - 1) * panel_height
    set tmargin at screen 1 - (top + 44.0) / plot_height
    set bmargin at screen 1 - (top + panel_height - 52.0) / plot_height
    set label 3 panel_text[panel] at screen 0.02, screen 1 - (top + 10.0) / plot_height \
        noenhanced font "sans-serif Bold,12"
    set key at screen 0.5, screen 1 - (top + 30.0) / plot_height center center horizontal noenhanced \
        samplen 3 font "sans-serif,11"
    set ylabel panel_rate[panel] noenhanced
    if (panel_has_dirty[panel]) {
        set border 11
        set y2tics nomirror
        set y2label "dirty pages, dots" noenhanced
    } else {
        set border 3
        unset y2tics
        unset y2label
    }
    plot NaN notitle, \
        for [k = panel_first[panel]:panel_last[panel]] data_file index k - 1 using 1:2 \
            with linespoints lw 1.6 lc rgb colour(line_kind[k]) dt dash(line_kind[k]) \
            pt marker(line_kind[k]) ps 0.4 title line_text[k], \
        for [k = panel_first[panel]:panel_last[panel]] data_file index k - 1 \
            using 1:(panel_has_dirty[panel] ? $3 : NaN) axes x1y2 with points pt 1 ps 0.6 \
            lc rgb faint notitle
    unset label 1
    unset label 2
}
unset multiplot
