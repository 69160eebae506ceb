#include "dataservice/augment/opencv_tables.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace facetrain {
namespace {

// All that pictures of 112 x 112 need is about 4 MB.
constexpr std::size_t kMostBytes = std::size_t{16} << 20;

std::uint64_t table_key(int source, int target, Interpolation interpolation, bool averages) {
  return static_cast<std::uint64_t>(source) << 40 | static_cast<std::uint64_t>(target) << 16 |
         static_cast<std::uint64_t>(interpolation) << 1 | static_cast<std::uint64_t>(averages);
}

template <class T>
std::size_t size_in_bytes(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

std::size_t size_in_bytes(const ColumnTable& table) {
  return size_in_bytes(table.fixed.first) + size_in_bytes(table.fixed.weights) +
         size_in_bytes(table.area.begin) + size_in_bytes(table.area.source) +
         size_in_bytes(table.area.weights) + table.windows.bytes();
}

std::size_t size_in_bytes(const RowTable& table) {
  return size_in_bytes(table.needed) + size_in_bytes(table.begin) + size_in_bytes(table.window) +
         size_in_bytes(table.fixed) + size_in_bytes(table.area);
}

std::size_t size_in_bytes(const NearestTable& table) {
  return size_in_bytes(table.source) + size_in_bytes(table.runs);
}

// Taps outside the row read its border pixel: their weights are that pixel's. Sums of integers stay the same.
ByteWindows fold_fixed(const FixedTaps& taps, int source) {
  if (source < taps.taps) return {};
  const std::size_t target = taps.first.size();
  std::vector<std::int32_t> first(target);
  for (std::size_t i = 0; i < target; ++i) first[i] = std::clamp(taps.first[i], 0, source - taps.taps);
  ByteWindows windows = make_byte_windows(first, source, taps.taps, ByteWindows::Lane::kTwoTaps);
  if (!windows.fit) return windows;
  for (std::size_t i = 0; i < target; ++i) {
    std::array<std::int32_t, kMaxTaps> w{};
    for (int k = 0; k < taps.taps; ++k) {
      const int pixel = std::clamp(taps.first[i] + k, 0, source - 1);
      w[static_cast<std::size_t>(pixel - first[i])] +=
          taps.weights[i * static_cast<std::size_t>(taps.taps) + static_cast<std::size_t>(k)];
    }
    for (std::size_t pair = 0; pair < static_cast<std::size_t>(windows.loads); ++pair) {
      windows.weights[pair * windows.stride + i] =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(w[2 * pair + 1]) << 16 |
                                    (static_cast<std::uint32_t>(w[2 * pair]) & 0xFFFFu));
    }
  }
  return windows;
}

// As many taps for each output as the longest run has; those that are too many weigh 0, which adds nothing to
// a sum of floats either.
ByteWindows pad_area(const AreaTaps& taps, int source) {
  const std::size_t target = taps.begin.size() - 1;
  int most = 1;
  for (std::size_t i = 0; i < target; ++i) most = std::max(most, taps.begin[i + 1] - taps.begin[i]);
  if (source < most) return {};
  std::vector<std::int32_t> first(target);
  for (std::size_t i = 0; i < target; ++i) {
    first[i] = std::min(taps.source[static_cast<std::size_t>(taps.begin[i])], source - most);
  }
  ByteWindows windows = make_byte_windows(first, source, most, ByteWindows::Lane::kOneTap);
  if (!windows.fit) return windows;
  for (std::size_t i = 0; i < target; ++i) {
    for (std::size_t j = static_cast<std::size_t>(taps.begin[i]);
         j < static_cast<std::size_t>(taps.begin[i + 1]); ++j) {
      const std::size_t tap = static_cast<std::size_t>(taps.source[j] - first[i]);
      windows.weights[tap * windows.stride + i] = std::bit_cast<std::int32_t>(taps.weights[j]);
    }
  }
  return windows;
}

// Adds the next output row, which takes the source rows of `rows`. index: [source] their places in `needed`.
void add_window(RowTable& table, std::span<const std::int32_t> rows, std::vector<std::int32_t>& index) {
  table.begin.push_back(static_cast<std::int32_t>(table.window.size()));
  for (const std::int32_t row : rows) {
    if (table.needed.empty() || row > table.needed.back()) {
      index[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(table.needed.size());
      table.needed.push_back(row);
    }
    table.window.push_back(index[static_cast<std::size_t>(row)]);
  }
  table.most = std::max(table.most, rows.size());
}

// After the last output row. Tables are many and stay: without room to grow.
void finish(RowTable& table) {
  table.begin.push_back(static_cast<std::int32_t>(table.window.size()));
  table.begin.shrink_to_fit();
  table.window.shrink_to_fit();
  table.needed.shrink_to_fit();
}

RowTable fixed_rows(int source, int target, Interpolation interpolation) {
  FixedTaps taps = make_fixed_taps(source, target, interpolation, Axis::kVertical);
  RowTable table;
  std::vector<std::int32_t> index(static_cast<std::size_t>(source));
  std::array<std::int32_t, kMaxTaps> rows{};
  const std::size_t count = static_cast<std::size_t>(taps.taps);
  for (const std::int32_t first : taps.first) {
    for (int k = 0; k < taps.taps; ++k)
      rows[static_cast<std::size_t>(k)] = std::clamp(first + k, 0, source - 1);
    add_window(table, std::span(rows).first(count), index);
  }
  finish(table);
  table.fixed = std::move(taps.weights);
  return table;
}

RowTable area_rows(int source, int target) {
  AreaTaps taps = make_area_taps(source, target);
  RowTable table;
  std::vector<std::int32_t> index(static_cast<std::size_t>(source));
  for (std::size_t y = 0; y + 1 < taps.begin.size(); ++y) {
    const std::size_t begin = static_cast<std::size_t>(taps.begin[y]);
    add_window(table,
               std::span(taps.source).subspan(begin, static_cast<std::size_t>(taps.begin[y + 1]) - begin),
               index);
  }
  finish(table);
  table.area = std::move(taps.weights);
  return table;
}

NearestTable nearest_pixels(int source, int target) {
  constexpr int load = 16;
  const double scale = opencv_scale(source, target);
  NearestTable table;
  for (int i = 0; i < target; ++i) {
    table.source.push_back(std::min(static_cast<int>(i * scale), source - 1));
  }
  if (3 * source < load) return table;
  for (int i = 0; i < target;) {
    NearestTable::Run run{};
    run.shuffle.fill(0x80);
    run.from = std::min(3 * table.source[static_cast<std::size_t>(i)], 3 * source - load);
    run.to = 3 * i;
    for (int byte = 0; i < target && byte + 3 <= load; ++i, byte += 3) {
      const int index = 3 * table.source[static_cast<std::size_t>(i)] - run.from;
      if (index + 3 > load) break;
      for (int c = 0; c < 3; ++c)
        run.shuffle[static_cast<std::size_t>(byte) + static_cast<std::size_t>(c)] =
            static_cast<std::uint8_t>(index + c);
    }
    table.runs.push_back(run);
  }
  table.source.shrink_to_fit();
  table.runs.shrink_to_fit();
  return table;
}

}  // namespace

// Each table is built before it gets its entry: where memory is short in between, there is none.
template <class Table, class Build>
const Table& OpenCvTables::known_or_built(std::unordered_map<std::uint64_t, Table>& tables, std::uint64_t key,
                                          const Build& build) {
  if (const auto known = tables.find(key); known != tables.end()) return known->second;
  const Table& table = tables.emplace(key, build()).first->second;
  bytes_ += size_in_bytes(table);
  return table;
}

const ColumnTable& OpenCvTables::columns(int source, int target, Interpolation interpolation, bool averages) {
  return known_or_built(columns_, table_key(source, target, interpolation, averages), [&] {
    ColumnTable table;
    if (averages) {
      table.area = make_area_taps(source, target);
      if (instructions_ == Instructions::kAvx2) table.windows = pad_area(table.area, source);
    } else {
      table.fixed = make_fixed_taps(source, target, interpolation, Axis::kHorizontal);
      if (instructions_ == Instructions::kAvx2) table.windows = fold_fixed(table.fixed, source);
    }
    if (table.windows.fit) {
      table.fixed = {};
      table.area = {};
    }
    return table;
  });
}

const RowTable& OpenCvTables::rows(int source, int target, Interpolation interpolation, bool averages) {
  return known_or_built(rows_, table_key(source, target, interpolation, averages), [&] {
    return averages ? area_rows(source, target) : fixed_rows(source, target, interpolation);
  });
}

const NearestTable& OpenCvTables::nearest(int source, int target) {
  return known_or_built(nearest_, table_key(source, target, Interpolation::kNearest, false),
                        [&] { return nearest_pixels(source, target); });
}

void OpenCvTables::limit() {
  if (bytes_ < kMostBytes) return;
  columns_.clear();
  rows_.clear();
  nearest_.clear();
  bytes_ = 0;
}

}  // namespace facetrain
