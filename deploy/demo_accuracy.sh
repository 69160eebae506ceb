# The accuracy at which the quickstart's demo is expected to end, as a fraction: hard enough to need training, easy enough to be
# learned in minutes. To be sourced.
in_demo_range() { awk -v a="${1:-none}" 'BEGIN {exit !(a ~ /^[01]\.?[0-9]*$/ && a >= 0.85 && a <= 0.99)}'; }
