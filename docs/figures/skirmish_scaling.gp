# gnuplot docs/figures/skirmish_scaling.gp: draws skirmish_scaling.svg beside this file from the
# output of `build/skirmish_fidelity scaling` (units on the map, ns per loop).
$cost <<END
2 62
4 76
8 127
16 318
32 991
48 1156
64 1300
96 2791
128 2916
END
set terminal svg size 720,400 font "sans-serif,13" background "white"
set output "docs/figures/skirmish_scaling.svg"
set logscale x 2
set xlabel "marines on the map, both sides"
set ylabel "ns per unit and game loop"
set yrange [0:80]
set xtics (2, 4, 8, 16, 32, 48, 64, 96, 128)
set grid ytics lc rgb "#dddddd"
plot $cost using 1:($2/$1) with linespoints pt 7 ps 0.6 lw 2 lc rgb "#1f6fd0" notitle
