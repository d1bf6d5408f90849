# Latencies, a panel for each workload: by percentile in HdrHistogram's style, both axes log, or as
# cumulative shares over a log axis.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index k - 1, of line k: 1 / (1 - p), latency in seconds
#                     or, where is_cumulative: latency in seconds, per cent that take no longer
reset
set terminal svg dynamic size 860, plot_height name plot_name font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
colour(k) = word("#1f83c4 #d55e00 #0a8f6a #b0529a #8a7a00 #5a5fc7 #c23b3b #6d6d6d", (k - 1) % 8 + 1)
marker(k) = int(word("6 4 8 10 12 1 2 3", (k - 1) % 8 + 1))
dash(k) = ((k - 1) / 8 + k - 1) % 5 + 1

set multiplot
set lmargin at screen 0.115
set rmargin at screen 0.56
set xtics nomirror
set ytics nomirror
set mxtics 1
if (is_cumulative) {
    set logscale x
    set xrange [latency_low:latency_high]
    set yrange [0:102]
    set format x "%.0s %cs"
    set ytics 25
    set xlabel latency_text noenhanced
    set ylabel "share that takes no longer in %" noenhanced
} else {
    set logscale xy
    set xrange [1:axis_high]
    set yrange [latency_low:latency_high]
    set xtics ("0" 1, "50" 2, "90" 10, "99" 100, "99.9" 1e3, "99.99" 1e4, "99.999" 1e5, "99.9999" 1e6, "99.99999" 1e7)
    set format y "%.0s %cs"
    set xlabel "percentile in %, as 1 / (1 - p) on a log axis" noenhanced
    set ylabel latency_text noenhanced
}
set grid xtics ytics lc rgb faint lw 0.6 dt 3
set border 3
set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced font "sans-serif,11"

do for [panel = 1:panel_count] {
    set tmargin at screen 1 - (panel_top[panel] + 24.0) / plot_height
    set bmargin at screen 1 - (panel_bottom[panel] - 58.0) / plot_height
    set label 3 panel_text[panel] at screen 0.115, screen 1 - (panel_top[panel] + 10.0) / plot_height \
        noenhanced font "sans-serif Bold,12"
    set key at screen 0.58, screen 1 - (panel_top[panel] + 18.0) / plot_height left top Left reverse \
        noenhanced samplen 3 spacing 1.05 font "sans-serif,11"
    first_line = panel_first[panel]
    if (is_cumulative) {
        plot NaN notitle, \
            for [k = first_line:panel_last[panel]] data_file index k - 1 using 1:2 \
                with steps lw 1.6 lc rgb colour(k - first_line + 1) dt dash(k - first_line + 1) notitle, \
            for [k = first_line:panel_last[panel]] data_file index k - 1 using 1:2 every 20 \
                with points lc rgb colour(k - first_line + 1) pt marker(k - first_line + 1) ps 0.6 notitle, \
            for [k = first_line:panel_last[panel]] keyentry \
                with linespoints lw 1.6 lc rgb colour(k - first_line + 1) dt dash(k - first_line + 1) \
                pt marker(k - first_line + 1) ps 0.6 title line_text[k]
    } else {
        plot NaN notitle, \
            for [k = first_line:panel_last[panel]] data_file index k - 1 using 1:2 \
                with linespoints lw 1.6 lc rgb colour(k - first_line + 1) dt dash(k - first_line + 1) \
                pt marker(k - first_line + 1) ps 0.6 pointinterval 6 title line_text[k]
    }
    unset label 1
    unset label 2
}
unset multiplot
