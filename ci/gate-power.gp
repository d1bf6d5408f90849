# How often the gate finds a slowdown of so many percent: gate-power.dat has a block for each kind, of
# percent, share found, and the exact 95 % interval of that share.
reset
set terminal svg dynamic size 800, 480 name "gate_power" font "sans-serif,12" background "#ffffff"
set encoding utf8
set output "gate-power.svg"
stats "gate-power.dat" using 1 nooutput
set xlabel "injected slowdown, %"
set ylabel "share of gates that end with REGRESSED, %"
set yrange [-2:102]
set xrange [-0.5:STATS_max + 0.5]
set grid ytics lc rgb "#808080" lw 0.6 dt 3
set key bottom right noenhanced
set xtics nomirror
set style line 1 lc rgb "#1f83c4" lw 1.6 pt 7 ps 0.6
set style line 2 lc rgb "#c4551f" lw 1.6 pt 5 ps 0.6
set style line 3 lc rgb "#2f8f4e" lw 1.6 pt 9 ps 0.7
set style line 4 lc rgb "#7a4fb0" lw 1.6 pt 13 ps 0.8
# Side by side, so that no interval hides another.
plot for [kind = 0:STATS_blocks - 1] "gate-power.dat" index kind \
    using ($1 + 0.08 * (kind - 1.5)):(100 * $2):(100 * $3):(100 * $4) \
    with yerrorlines ls kind + 1 title columnheader(1)
