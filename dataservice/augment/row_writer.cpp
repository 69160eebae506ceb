#include "dataservice/augment/row_writer.hpp"

#include <bit>
#include <cstring>

#include "common/error.hpp"

namespace facetrain {

std::uint16_t to_bf16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

std::uint16_t to_f16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::int32_t exponent = static_cast<std::int32_t>((bits >> 23) & 0xFFu) - 127 + 15;
  std::uint32_t mantissa = bits & 0x7FFFFFu;
  std::uint32_t shift = 13;
  std::uint32_t base = static_cast<std::uint32_t>(exponent) << 10;
  if (exponent <= 0) {  // subnormal in half
    if (exponent < -10) return static_cast<std::uint16_t>(sign);
    mantissa |= 0x800000u;
    shift = static_cast<std::uint32_t>(14 - exponent);
    base = 0;
  }
  const std::uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1),
                      half = 1u << (shift - 1);
  const std::uint32_t up = rest > half || (rest == half && (kept & 1u) != 0) ? 1u : 0u;
  return static_cast<std::uint16_t>(sign |
                                    (base + kept + up));  // a carry moves into the exponent, as it should
}

RowWriter::RowWriter(Dtype dtype, const PixelValues& values, Instructions instructions)
    : dtype_(dtype), bgr_(values.bgr), floats_{}, halves_{} {
  const auto mean = static_cast<float>(values.mean), deviation = static_cast<float>(values.std_deviation);
  for (std::size_t i = 0; i < 256; ++i) {
    const float value = (static_cast<float>(i) / 255.0f - mean) / deviation;
    floats_[i] = value;
    halves_[i] = dtype == Dtype::kF16 ? to_f16(value) : to_bf16(value);
  }
  if (instructions != Instructions::kAvx2) return;
  std::span<const std::byte> table = std::as_bytes(std::span(halves_));
  if (dtype == Dtype::kF32) table = std::as_bytes(std::span(floats_));
  kernel_ = find_row_kernel(dtype, mean, deviation, table);
}

// Pixels [from, to) of one output line; `line` is the image's.
template <typename Element>
void RowWriter::write_pixels(const std::uint8_t* line, int width, bool flip, int from, int to,
                             const std::array<Element, 256>& table, std::byte* out) const {
  const std::uint8_t* source = line + 3 * (flip ? width - to : from);
  out += static_cast<std::size_t>(from) * 3 * sizeof(Element);
  if (kernel_ && to - from >= RowKernel::kLeastPixels) {
    kernel_.function(source, to - from, flip, bgr_, kernel_.how, out);
    return;
  }
  auto* elements = reinterpret_cast<Element*>(out);
  const int first = bgr_ ? 2 : 0, last = 2 - first;
  const std::uint8_t* pixel = flip ? source + 3 * (to - from - 1) : source;
  for (int x = from; x < to; ++x, pixel += flip ? -3 : 3, elements += 3) {
    elements[0] = table[pixel[first]];
    elements[1] = table[pixel[1]];
    elements[2] = table[pixel[last]];
  }
}

template <typename Element>
void RowWriter::write_all(const Image& image, bool flip, const std::optional<Rectangle>& erased,
                          const std::array<Element, 256>& table, std::byte* out) const {
  constexpr std::size_t kPixel = 3 * sizeof(Element);
  for (int y = 0; y < image.height; ++y, out += kPixel * static_cast<std::size_t>(image.width)) {
    const std::uint8_t* line = image.row(y);
    if (!erased || y < erased->top || y >= erased->top + erased->height) {
      write_pixels(line, image.width, flip, 0, image.width, table, out);
      continue;
    }
    const int right = erased->left + erased->width;
    write_pixels(line, image.width, flip, 0, erased->left, table, out);
    std::memset(out + kPixel * static_cast<std::size_t>(erased->left), 0,
                kPixel * static_cast<std::size_t>(erased->width));  // 0 in every dtype
    write_pixels(line, image.width, flip, right, image.width, table, out);
  }
}

void RowWriter::write(const Image& image, bool flip, const std::optional<Rectangle>& erased,
                      std::span<std::byte> row) const {
  if (row.size() != image.pixels.size() * size_of(dtype_)) {
    throw Error(ErrorKind::kInternal, "a row of " + std::to_string(row.size()) + " bytes for " +
                                          std::to_string(image.pixels.size()) + " elements of " +
                                          std::string(name_of(dtype_)));
  }
  if (dtype_ == Dtype::kF32) {
    write_all(image, flip, erased, floats_, row.data());
  } else {
    write_all(image, flip, erased, halves_, row.data());
  }
}

}  // namespace facetrain
