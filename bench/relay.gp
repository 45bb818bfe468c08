# SPDX-License-Identifier: BSD-2-Clause
# gnuplot -e "data='….dat'; out='….svg'" relay.gp: what bench/relay measured, in two pictures.
set terminal svg size 900,380 font "sans,12" background "white"
set output out
set multiplot layout 1,2
set style data linespoints
set key top left
set grid

set title "a request of so many bytes over a warm connection"
set logscale xy
set format x "%.0s %cB"
set xlabel "body"
set ylabel "median, µs"
plot data index 0 using 2:3 title "TLS alone", \
     data index 0 using 2:4 title "connect, router", \
     data index 0 using 2:5 title "connect, router, relay"

set title "600 requests of a model that takes 5 ms"
unset logscale y
set logscale x 2
set format x "%.0f"
set xlabel "at once"
set ylabel "median, ms"
set yrange [0:*]
plot data index 3 using 2:($3/1000) title "TLS alone", \
     data index 3 using 2:($4/1000) title "connect, router", \
     data index 3 using 2:($5/1000) title "connect, router, relay"
