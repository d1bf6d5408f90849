# How long others take for what libmarray does, a row a work and a peer; right of 1 libmarray is faster.
# peers.dat: row, ratio, low, high, label. Set row_count before.
reset
set terminal svg dynamic size 1000, 90 + 22 * row_count name "peers" font "sans-serif,12" noenhanced background "#ffffff"
set encoding utf8
set output "peers.svg"
set lmargin at screen 0.56
set logscale x
set yrange [0.3:row_count + 0.7]
set xlabel "time of the other / time of libmarray (log axis), 95 % intervals"
set ytics () nomirror
set grid xtics lc rgb "#808080" lw 0.6 dt 3
set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb "#808080" lw 1.2
unset key
plot "peers.dat" using 2:1:3:4:ytic(stringcolumn(5)) with xerrorbars pt 7 ps 0.6 lw 1.6 lc rgb "#1f83c4"
