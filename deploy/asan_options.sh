# The sanitizers' settings for the asan preset: to be sourced.
# Open MPI and LibTorch keep what they allocated once; we look for leaks of our own (leaks.txt names theirs).
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:check_initialization_order=1:detect_odr_violation=1
export LSAN_OPTIONS=suppressions=$PWD/deploy/leaks.txt:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
