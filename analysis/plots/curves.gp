# Curves over a number, a panel for each kind of work, with the intervals of the medians.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index k - 1, of curve k: x, y, low, high, n, has interval
reset
set terminal svg dynamic size 860, plot_height name plot_name font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
colour(k) = word("#1f83c4 #d55e00 #0a8f6a #b0529a #8a7a00 #5a5fc7 #c23b3b #6d6d6d", (k - 1) % 8 + 1)
marker(k) = int(word("7 9 5 11 13 6 8 4", (k - 1) % 8 + 1))
dash(k) = ((k - 1) / 8 + k - 1) % 5 + 1

set multiplot
set logscale y
set lmargin at screen 0.115
set rmargin at screen 0.61
set border 3
set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced font "sans-serif,11"

do for [p = 1:panel_count] {
    set tmargin at screen 1 - (panel_top[p] + 38.0) / plot_height
    set bmargin at screen 1 - (panel_bottom[p] - 62.0) / plot_height
    set label 3 panel_text[p] at screen 0.02, screen 1 - (panel_top[p] + 10.0) / plot_height \
        noenhanced font "sans-serif Bold,12"
    set key at screen 0.63, screen 1 - (panel_top[p] + 32.0) / plot_height left top Left reverse \
        noenhanced samplen 3 spacing 1.05 font "sans-serif,11"
    if (x_is_log[p]) { set logscale x 2 } else { unset logscale x }
    set xrange [x_low[p]:x_high[p]]
    set yrange [y_low[p]:y_high[p]]
    set xtics () nomirror
    set ytics () nomirror
    set for [i = last_x_tic[p] + 1:last_x_tic[p + 1]] xtics add (x_tic_text[i] x_tic_at[i])
    set for [i = last_y_tic[p] + 1:last_y_tic[p + 1]] ytics add (y_tic_text[i] y_tic_at[i])
    set grid xtics ytics lc rgb faint lw 0.6 dt 3
    set xlabel x_text[p].(x_is_log[p] ? ", log axis" : "") noenhanced
    set ylabel y_text[p] noenhanced
    unset arrow
    do for [i = 4:99] { unset label i }
    do for [i = last_mark[p] + 1:last_mark[p + 1]] {
        set arrow from first mark_at[i], graph 0 to first mark_at[i], graph 1 nohead lc rgb faint lw 1.4 dt 4 back
        set label 3 + i - last_mark[p] mark_text[i] at first mark_at[i], graph 1 center \
            offset 0, 0.5 noenhanced font "sans-serif,10"
    }
    first = last_curve[p]
    base = ideal_base[p]
    plot NaN notitle, \
        (base > 0 ? x / base : NaN) with lines lw 1.2 dt 3 lc rgb faint title (base > 0 ? "ideal" : ""), \
        for [k = first + 1:last_curve[p + 1]] data_file index k - 1 using 1:($6 == 1 ? $2 : NaN):3:4 \
            with yerrorbars lw 1.2 pt marker(k - first) ps 0.1 lc rgb colour(k - first) notitle, \
        for [k = first + 1:last_curve[p + 1]] data_file index k - 1 using 1:2 \
            with linespoints lw 1.6 lc rgb colour(k - first) dt dash(k - first) \
            pt marker(k - first) ps 0.7 title curve_text[k]
    unset label 1
    unset label 2
}
unset multiplot
