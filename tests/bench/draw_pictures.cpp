// bench_draw_pictures: makes the files of pictures.hpp, before anything is timed, and prints their paths.
#include <cstdio>
#include <exception>
#include <iostream>

#include "tests/bench/pictures.hpp"

int main() {
  using namespace facetrain::bench;
  try {
    for (const Quality quality : {Quality::k90, Quality::k95}) {
      const Pictures pictures(quality);
      std::size_t bytes = 0;
      for (const auto picture : pictures.all()) bytes += picture.size();
      std::printf("%s: %zu pictures of %zu bytes on average\n", pictures.file().c_str(),
                  pictures.all().size(), bytes / pictures.all().size());
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "draw_pictures: " << error.what() << "\n";
    return 1;
  }
}
