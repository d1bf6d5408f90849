# What a cold random element costs by size of the file and by how many share the work; lower is better.
# scaling.dat: blocks of x, median, low, high in microseconds; titles: the names in the key.
reset
set terminal svg dynamic size 1000, 760 name "scaling" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output "scaling.svg"
set multiplot layout 2,2
set logscale xy
set format y "%g"
set ylabel "µs an element, log axis"
set grid ytics lc rgb "#808080" lw 0.6 dt 3
set key top left noenhanced
set yrange [1:1000]
set style line 1 lc rgb "#1f83c4" lw 1.6 pt 7 ps 0.6
set style line 2 lc rgb "#c4551f" lw 1.6 pt 5 ps 0.6
set xtics nomirror
array names[4] = ["MiB of the file", "threads, one array", "processes", "arrays open at once"]
do for [panel = 0:3] {
    set xlabel names[panel + 1]
    if (panel == 0) { set logscale x 10 } else { set logscale x 2 }
    plot for [way = 0:1] "scaling.dat" index 2 * panel + way using 1:2:3:4 with yerrorlines ls way + 1 \
        title way == 0 ? "libmarray" : "bare map, MADV_RANDOM"
}
unset multiplot
