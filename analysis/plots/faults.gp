# Page faults of every case: how many in a pass on a log axis, and which share each phase has.
# The lines above this one hold the data of this plot, those below are the same for every record.
#
# data_file index 0: row, minor and major faults of a pass in all phases, case
#           index 1: row, from, to (per cent), segment
# No fault at all stands at the left end of the log axis.
reset
set terminal svg dynamic size 860, plot_height name "faults" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output output_file

faint = "#808080"
minor_colour = "#1f83c4"
major_colour = "#d55e00"

set multiplot
set lmargin at screen 0.27
set rmargin at screen 0.52
set tmargin at screen 1 - 112.0 / plot_height
set bmargin at screen 54.0 / plot_height
set label 1 plot_title at screen 0.5, screen 1 - 18.0 / plot_height center noenhanced font "sans-serif Bold,14"
set label 2 plot_caption at screen 0.5, screen 1 - 40.0 / plot_height center noenhanced font "sans-serif,11"
set yrange [row_count + 0.7:0.3]
set logscale x
set xrange [axis_low:axis_high]
set xlabel "faults per pass, log axis" noenhanced
set xtics () nomirror
set for [i = 1:tic_count] xtics add (tic_text[i] tic_at[i])
unset ytics
set grid xtics lc rgb faint lw 0.6 dt 3
set border 1
set key at screen 0.28, screen 1 - 94.0 / plot_height left center horizontal noenhanced samplen 1
do for [i = 1:row_count] {
    if (row_is_heading[i]) {
        set label 10 + 2 * i row_text[i] at screen 0.012, first i noenhanced font "sans-serif Bold,12"
    } else {
        set label 10 + 2 * i row_text[i] at screen 0.03, first i noenhanced
        set label 11 + 2 * i row_note[i] at screen 0.82, first i noenhanced font "sans-serif,11"
        set arrow 10 + i from graph 0, first i to graph 1, first i nohead lc rgb faint lw 0.3 back
    }
}
shown(value) = (value > axis_low ? value : axis_low)
plot NaN notitle, \
    data_file index 0 using (shown($2)):1 with points pt 6 ps 0.9 lw 1.4 lc rgb minor_colour title "minor", \
    data_file index 0 using (shown($3)):1 with points pt 13 ps 0.8 lc rgb major_colour title "major"

unset label
unset arrow
unset logscale
set lmargin at screen 0.54
set rmargin at screen 0.81
set xrange [0:100]
set xtics ("0" 0, "25" 25, "50" 50, "75" 75, "100" 100)
set xlabel "share by phase and kind in %" noenhanced
set key at screen 0.98, screen 1 - 64.0 / plot_height right top horizontal noenhanced samplen 1.2 maxrows 3
set style fill solid 1
pattern(s) = int(word("4 3 5 2 6 1 0 7 1 2", s + 1))
colour(s) = word("#1f83c4 #d55e00 #0a8f6a #b0529a #8a7a00 #6d6d6d #5a5fc7 #c23b3b #5f8a00 #a35c2f", s + 1)
# An empty loop would still want its variables.
if (segment_count > 0) {
    plot NaN notitle, \
        for [k = 1:segment_count] data_file index 1 using ($4 == segment_code[k] ? $2 : NaN):1:2:3:($1 - 0.34):($1 + 0.34) \
            with boxxyerror fs pattern pattern(segment_code[k]) border lc rgb colour(segment_code[k]) \
            lc rgb colour(segment_code[k]) title segment_text[k]
} else {
    plot NaN notitle
}
unset multiplot
