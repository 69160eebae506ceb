#include "dataservice/augment/row_writer.hpp"

#include <bit>
#include <cstring>

#include "common/error.hpp"

namespace facetrain {
namespace {

// Pixels [from, to) of one output line; `source` is the image's row.
template <typename Element>
void write_pixels(const std::uint8_t* source, int width, bool flip, int from, int to,
                  const std::array<Element, 256>& table, Element* out) {
  if (!flip) {
    for (int i = 3 * from; i < 3 * to; ++i) out[i] = table[source[i]];
    return;
  }
  out += 3 * from;
  const std::uint8_t* p = source + 3 * (width - 1 - from);
  for (int x = from; x < to; ++x, p -= 3, out += 3) {
    out[0] = table[p[0]];
    out[1] = table[p[1]];
    out[2] = table[p[2]];
  }
}

template <typename Element>
void write_all(const Image& image, bool flip, const std::optional<Rectangle>& erased,
               const std::array<Element, 256>& table, Element* out) {
  const std::size_t line = static_cast<std::size_t>(image.width) * 3;
  for (int y = 0; y < image.height; ++y, out += line) {
    const std::uint8_t* source = image.row(y);
    if (!erased || y < erased->top || y >= erased->top + erased->height) {
      write_pixels(source, image.width, flip, 0, image.width, table, out);
      continue;
    }
    const int right = erased->left + erased->width;
    write_pixels(source, image.width, flip, 0, erased->left, table, out);
    std::memset(out + 3 * erased->left, 0,
                static_cast<std::size_t>(erased->width) * 3 * sizeof(Element));  // 0 in every dtype
    write_pixels(source, image.width, flip, right, image.width, table, out);
  }
}

}  // namespace

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

RowWriter::RowWriter(Dtype dtype, double mean, double std_deviation) : dtype_(dtype), floats_{}, halves_{} {
  const auto subtracted = static_cast<float>(mean), divisor = static_cast<float>(std_deviation);
  for (std::size_t i = 0; i < 256; ++i) {
    const float value = (static_cast<float>(i) / 255.0f - subtracted) / divisor;
    floats_[i] = value;
    halves_[i] = dtype == Dtype::kF16 ? to_f16(value) : to_bf16(value);
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
    write_all(image, flip, erased, floats_, reinterpret_cast<float*>(row.data()));
  } else {
    write_all(image, flip, erased, halves_, reinterpret_cast<std::uint16_t*>(row.data()));
  }
}

}  // namespace facetrain
