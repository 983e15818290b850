// Convolution by 3 x 3 pixels, of stride 1 and with a zero at each side, by Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray 2016, arXiv
// 1509.09308): of tiles of 4 x 4 results with 36 multiplications for each pair of channels, where the definition takes 144. Tiles, filters and
// results are polynomials' values at 36 points; there, a convolution is a product of matrices of [tiles, channels] and [channels, channels].
// The points of one axis are 0, a, -a, b, -b and infinity; with a = 5/8, b = 3/2 rounding errors are some three times those of a direct convolution.
#pragma once

#include <algorithm>
#include <cstdint>

#include "activations.h"
#include "operations.h"
#include "vectors.h"

namespace {

// ---- Transforms along one axis ----------------------------------------------------------------------------------------------------------

namespace winograd {

constexpr float a = 0.625f, b = 1.5f, a2 = a * a, b2 = b * b;
// Of Lagrange's polynomials: 1 over the products of a point's distances from the others.
constexpr float of_0 = 1 / (a2 * b2), of_a = 1 / (2 * a2 * (a2 - b2)), of_b = 1 / (2 * b2 * (b2 - a2));

// Values at the six points: those at 0 and infinity, and of the others the parts that are even and odd.
template <class F>
INLINE void AtPoints(F* out, int step, F at_0, F even_a, F odd_a, F even_b, F odd_b, F at_infinity) {
  out[0] = at_0;
  out[step] = even_a + odd_a;
  out[2 * step] = even_a - odd_a;
  out[3 * step] = even_b + odd_b;
  out[4 * step] = even_b - odd_b;
  out[5 * step] = at_infinity;
}

// B^T: six pixels.
struct OfPixels {
  static constexpr int from = 6, to = 6;
  template <class F>
  static INLINE void Apply(const F* d, F* out, int step) {
    const F even_a = d[4] - b2 * d[2], odd_a = a * d[3] - (a * b2) * d[1];
    const F even_b = d[4] - a2 * d[2], odd_b = b * d[3] - (b * a2) * d[1];
    const F at_0 = (a2 * b2) * d[0] - (a2 + b2) * d[2] + d[4], at_infinity = (a2 * b2) * d[1] - (a2 + b2) * d[3] + d[5];
    AtPoints<F>(out, step, at_0, even_a, odd_a, even_b, odd_b, at_infinity);
  }
};

// G: three taps of a filter.
struct OfTaps {
  static constexpr int from = 3, to = 6;
  template <class F>
  static INLINE void Apply(const F* w, F* out, int step) {
    const F even_a = of_a * w[0] + (of_a * a2) * w[2], odd_a = (of_a * a) * w[1];
    const F even_b = of_b * w[0] + (of_b * b2) * w[2], odd_b = (of_b * b) * w[1];
    AtPoints<F>(out, step, of_0 * w[0], even_a, odd_a, even_b, odd_b, w[2]);
  }
};

// A^T: to four results.
struct ToResults {
  static constexpr int from = 6, to = 4;
  template <class F>
  static INLINE void Apply(const F* m, F* out, int step) {
    const F even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    out[0] = m[0] + even_a + even_b;
    out[step] = a * odd_a + b * odd_b;
    out[2 * step] = a2 * even_a + b2 * even_b;
    out[3 * step] = (a2 * a) * odd_a + (b2 * b) * odd_b + m[5];
  }
};

// A: the gradients of four results.
struct OfResults {
  static constexpr int from = 4, to = 6;
  template <class F>
  static INLINE void Apply(const F* dy, F* out, int step) {
    const F even_a = dy[0] + a2 * dy[2], odd_a = a * dy[1] + (a2 * a) * dy[3];
    const F even_b = dy[0] + b2 * dy[2], odd_b = b * dy[1] + (b2 * b) * dy[3];
    AtPoints<F>(out, step, dy[0], even_a, odd_a, even_b, odd_b, dy[3]);
  }
};

// G^T: to the gradients of three taps.
struct ToTaps {
  static constexpr int from = 6, to = 3;
  template <class F>
  static INLINE void Apply(const F* m, F* out, int step) {
    const F even_a = of_a * (m[1] + m[2]), odd_a = (of_a * a) * (m[1] - m[2]);
    const F even_b = of_b * (m[3] + m[4]), odd_b = (of_b * b) * (m[3] - m[4]);
    out[0] = of_0 * m[0] + even_a + even_b;
    out[step] = odd_a + odd_b;
    out[2 * step] = a2 * even_a + b2 * even_b + m[5];
  }
};

// A transform along both axes, of what load(row, column) gives to store(row, column, value).
template <class Transform, class F, class Load, class Store>
INLINE void Both(const Load& load, const Store& store) {
  F half[Transform::to][Transform::from];
  for (int j = 0; j < Transform::from; j++) {
    F column[Transform::from];
    for (int i = 0; i < Transform::from; i++) column[i] = load(i, j);
    Transform::Apply(column, &half[0][j], Transform::from);
  }
  for (int i = 0; i < Transform::to; i++) {
    F row[Transform::to];
    Transform::Apply(half[i], row, 1);
    for (int j = 0; j < Transform::to; j++) store(i, j, row[j]);
  }
}

// ---- Passes -----------------------------------------------------------------------------------------------------------------------------

constexpr int64_t points = 36, side = 4;

// A square of pixels, taps or results of `channels` each, and their values at the points.
struct Square {
  int64_t channels;
  const float* from;
  float* to;
  int64_t row_step, column_step, point_step;
  // Of the square's rows and columns those that lie in the image: the others are zeros, or not wanted.
  int64_t top, bottom, left, right;
  // What is added to each channel of results; null for nothing.
  const float* bias;

  bool Has(int64_t i, int64_t j) const { return i >= top && i < bottom && j >= left && j < right; }

  float* To(int64_t i, int64_t j, int64_t channel) const { return to + i * row_step + j * column_step + channel; }

  template <class V>
  INLINE typename V::Floats Value(int64_t i, int64_t j, int64_t channel) const {
    return V::Load(from + (6 * i + j) * point_step + channel);
  }
};

template <class Transform>
struct ToPoints {
  template <class V, int N>
  static INLINE void At(const Square& square, int64_t channel) {
    using F = typename V::Floats;
    const bool whole = square.Has(0, 0) && square.Has(Transform::from - 1, Transform::from - 1);
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes)
      Both<Transform, F>(
          [&](int i, int j) ALWAYS {
            return whole || square.Has(i, j) ? V::Load(square.from + i * square.row_step + j * square.column_step + at) : F{};
          },
          [&](int i, int j, F value) ALWAYS { V::Store(square.to + (6 * i + j) * square.point_step + at, value); });
  }
};

// To the gradients of a filter's taps, added to what is there or not.
template <bool Adds>
struct Taps {
  template <class V, int N>
  static INLINE void At(const Square& square, int64_t channel) {
    using F = typename V::Floats;
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes)
      Both<ToTaps, F>([&](int i, int j) ALWAYS { return square.template Value<V>(i, j, at); },
                      [&](int i, int j, F value) ALWAYS {
                        float* to = square.To(i, j, at);
                        V::Store(to, Adds ? V::Load(to) + value : value);
                      });
  }
};

// To results.
template <Activation A>
struct Results {
  template <class V, int N>
  static INLINE void At(const Square& square, int64_t channel) {
    using F = typename V::Floats;
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes) {
      const F bias = square.bias == nullptr ? F{} : V::Load(square.bias + at);
      Both<ToResults, F>([&](int i, int j) ALWAYS { return square.template Value<V>(i, j, at); },
                         [&](int i, int j, F value) ALWAYS {
                           if (square.Has(i, j)) V::Store(square.To(i, j, at), Activate<A, V>(value + bias));
                         });
    }
  }
};

// out[row][channel] = sum over i < count of a[row][i] b[i][channel], added to what is there where it `adds`.
struct Product {
  int64_t channels, rows, count;
  const float* a;
  int64_t a_row, a_step;
  const float* b;
  int64_t b_step;
  float* out;
  int64_t out_row;
  bool adds;
};

struct Multiply {
  template <class V, int N>
  static INLINE void At(const Product& product, int64_t channel) {
    Rows<V, N, V::lanes == 16 ? 8 : 6>(product, channel, 0);
  }

  // From `row` on, M at a time, of the rest fewer.
  template <class V, int N, int M>
  static INLINE void Rows(const Product& product, int64_t channel, int64_t row) {
    for (; row + M <= product.rows; row += M) Some<V, N, M>(product, channel, row);
    if constexpr (M > 1) Rows<V, N, M / 2>(product, channel, row);
  }

  template <class V, int N, int M>
  static INLINE void Some(const Product& product, int64_t channel, int64_t row) {
    using F = typename V::Floats;
    float* out = product.out + row * product.out_row + channel;
    F sums[M][N];
    for (int i = 0; i < M; i++)
      for (int k = 0; k < N; k++) sums[i][k] = product.adds ? V::Load(out + i * product.out_row + k * V::lanes) : F{};
    const float *a = product.a + row * product.a_row, *b = product.b + channel;
    for (int64_t step = 0; step < product.count; step++) {
      F factors[N];
      for (int k = 0; k < N; k++) factors[k] = V::Load(b + k * V::lanes);
      for (int i = 0; i < M; i++) {
        const F factor = Splat<V>(a + i * product.a_row);
        for (int k = 0; k < N; k++) sums[i][k] = MultiplyAdd<V>(factor, factors[k], sums[i][k]);
      }
      a += product.a_step;
      b += product.b_step;
    }
    for (int i = 0; i < M; i++)
      for (int k = 0; k < N; k++) V::Store(out + i * product.out_row + k * V::lanes, sums[i][k]);
  }
};

// Registers hold sums of two vectors and the factors for them.
template <class Pass, class B>
void RunBy2(const B& b) {
  Run<Pass, 2>(b);
}

// ---- Tiles of images --------------------------------------------------------------------------------------------------------------------

// Channels are multiplied so many at a time, and summed over so many: both lie in the nearest cache.
constexpr int64_t panel = 32, depth = 128;

// Numbers from a row of channels to the next, so that rows of a power of two do not share the same lines of a cache.
int64_t RowOf(int64_t channels) { return channels + 16; }

int64_t Parts(int64_t count, int64_t each) { return (count + each - 1) / each; }

// The tiles of images of so many rows and columns.
class Tiles {
 public:
  Tiles(int64_t images, int64_t height, int64_t width) : height_(height), width_(width), across_(Parts(width, side)) {
    of_image_ = Parts(height, side) * across_;
    count = images * of_image_;
  }

  explicit Tiles(const Tensor& images) : Tiles(images.dim_size(0), images.dim_size(1), images.dim_size(2)) {}

  // The values at the points of a tile with so many pixels before it.
  template <class Transform>
  void Read(const float* images, int64_t channels, int64_t tile, int64_t before, float* to, int64_t point_step) const {
    Square square = Of(tile, channels, before, Transform::from);
    square.from = images + Offset(tile, channels, before);
    square.to = to;
    square.point_step = point_step;
    RunBy2<ToPoints<Transform>>(square);
  }

  // The results of a tile, by a pass of `Results`.
  template <class Pass>
  void Write(const float* from, int64_t point_step, const float* bias, int64_t channels, int64_t tile, float* images) const {
    Square square = Of(tile, channels, 0, side);
    square.from = from;
    square.to = images + Offset(tile, channels, 0);
    square.point_step = point_step;
    square.bias = bias;
    RunBy2<Pass>(square);
  }

  int64_t count;

 private:
  int64_t Top(int64_t tile) const { return tile % of_image_ / across_ * side; }
  int64_t Left(int64_t tile) const { return tile % across_ * side; }

  int64_t Offset(int64_t tile, int64_t channels, int64_t before) const {
    return ((tile / of_image_ * height_ + Top(tile) - before) * width_ + Left(tile) - before) * channels;
  }

  Square Of(int64_t tile, int64_t channels, int64_t before, int64_t pixels) const {
    const int64_t top = Top(tile) - before, left = Left(tile) - before;
    Square square{};
    square.channels = channels;
    square.row_step = width_ * channels;
    square.column_step = channels;
    square.top = std::max<int64_t>(0, -top);
    square.bottom = std::min(pixels, height_ - top);
    square.left = std::max<int64_t>(0, -left);
    square.right = std::min(pixels, width_ - left);
    return square;
  }

  int64_t height_, width_, across_, of_image_;
};

// Numbers for what is computed on the way; null, and the operation has failed, where there is no memory.
float* Scratch(OpKernelContext* context, int64_t count, Tensor* tensor) {
  context->SetStatus(context->allocate_temp(tensorflow::DT_FLOAT, {count}, tensor));
  return context->status().ok() ? tensor->flat<float>().data() : nullptr;
}

bool IsFilter(const Tensor& filter) {
  return filter.dims() == 4 && filter.dim_size(0) == 3 && filter.dim_size(1) == 3 && filter.NumElements() > 0;
}

// The taps of a filter, of some of its channels, from one tap to the next and from one point to the next.
Square OfFilter(int64_t channels, int64_t tap_step, int64_t point_step) {
  Square square{};
  square.channels = channels;
  square.column_step = tap_step;
  square.row_step = 3 * tap_step;
  square.point_step = point_step;
  square.bottom = square.right = 3;
  return square;
}

// ---- Operations -------------------------------------------------------------------------------------------------------------------------

// (filter of [3, 3, from, to]) -> its values at the points, of [36, from, to], for each point the channels of a panel after those of the one before;
// `turned`, the filter of the gradient: of [3, 3, to, from] with its taps in reverse.
class Filter : public OpKernel {
 public:
  explicit Filter(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("turned", &turned_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& filter = context->input(0);
    OP_REQUIRES(context, IsFilter(filter), absl::InvalidArgumentError("expected a filter of 3 x 3"));
    const int64_t from = filter.dim_size(turned_ ? 3 : 2), to = filter.dim_size(turned_ ? 2 : 3), count = Parts(to, panel);
    Tensor *result = nullptr, scratch;
    OP_REQUIRES_OK(context, context->allocate_output(0, {points, from, to}, &result));
    float *out = result->flat<float>().data(), *turned = turned_ ? Scratch(context, 9 * from * to, &scratch) : nullptr;
    if (!context->status().ok()) return;
    Share(context, count, [&](int64_t first, int64_t last) {
      for (int64_t begin = first * panel; begin < std::min(to, last * panel); begin += panel) {
        const int64_t channels = std::min(panel, to - begin);
        Square square = OfFilter(channels, from * (turned_ ? channels : to), from * to);
        float* turned_panel = turned + 9 * from * begin;
        if (turned_) Turn(Data<float>(filter), from, to, begin, channels, turned_panel);
        for (int64_t i = 0; i < from; i++) {
          square.from = turned_ ? turned_panel + i * channels : Data<float>(filter) + i * to + begin;
          square.to = out + from * begin + i * channels;
          RunBy2<ToPoints<OfTaps>>(square);
        }
      }
    });
  }

 private:
  // [3, 3, to, from] -> [3, 3, from, channels], of the channels from `begin` on.
  static void Turn(const float* filter, int64_t from, int64_t to, int64_t begin, int64_t channels, float* out) {
    for (int64_t tap = 0; tap < 9; tap++)
      for (int64_t i = 0; i < from; i++)
        for (int64_t channel = 0; channel < channels; channel++)
          out[(tap * from + i) * channels + channel] = filter[((8 - tap) * to + begin + channel) * from + i];
  }

  bool turned_;
};

// (x, a filter's values at the points, bias?) -> activation(the convolution + bias)
class Convolution : public WithActivation {
 public:
  using WithActivation::WithActivation;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &filter = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && filter.dims() == 3 && filter.dim_size(0) == points && filter.dim_size(1) == x.dim_size(3),
                absl::InvalidArgumentError("expected images, and the values of a filter for their channels"));
    const float* bias = context->num_inputs() == 3 ? Data<float>(context->input(2)) : nullptr;
    OP_REQUIRES(context, bias == nullptr || context->input(2).NumElements() == filter.dim_size(2),
                absl::InvalidArgumentError("expected a bias of each channel"));
    const int64_t from = filter.dim_size(1), to = filter.dim_size(2), in_row = RowOf(from), out_row = RowOf(to);
    const Tiles tiles(x);
    Tensor *y = nullptr, scratch;
    OP_REQUIRES_OK(context, context->allocate_output(0, {x.dim_size(0), x.dim_size(1), x.dim_size(2), to}, &y));
    if (tiles.count == 0) return;
    // The more channels, the more tiles a filter is read for.
    const int64_t threads = ThreadCount(context), many = std::clamp<int64_t>(3 * (from + to) / 32, 12, 96);
    const int64_t parts = Parts(Parts(tiles.count, many), threads) * threads;
    const int64_t each = Parts(Parts(tiles.count, parts), 4) * 4, of_thread = points * each * (in_row + out_row);
    float* numbers = Scratch(context, threads * of_thread, &scratch);
    if (!context->status().ok()) return;
    ShareParts(context, parts, [&](int64_t thread, int64_t part) {
      float *in = numbers + thread * of_thread, *out = in + points * each * in_row;
      const int64_t begin = part * each, count = std::min(each, tiles.count - begin);
      for (int64_t i = 0; i < count; i++)
        tiles.Read<OfPixels>(Data<float>(x), from, begin + i, 1, in + i * in_row, each * in_row);
      for (int64_t point = 0; point < points; point++)
        Multiplied(count, from, to, in + point * each * in_row, Data<float>(filter) + point * from * to, out + point * each * out_row);
      With<Results>([&](auto pass) {
        for (int64_t i = 0; i < count; i++)
          tiles.Write<decltype(pass)>(out + i * out_row, each * out_row, bias, to, begin + i, y->flat<float>().data());
      });
    });
  }

 private:
  // Of so many rows, at one point.
  static void Multiplied(int64_t rows, int64_t from, int64_t to, const float* in, const float* filter, float* out) {
    for (int64_t begin = 0; begin < to; begin += panel)
      for (int64_t i = 0; i < from; i += depth) {
        Product product{};
        product.channels = std::min(panel, to - begin);
        product.rows = rows;
        product.count = std::min(depth, from - i);
        product.a = in + i;
        product.a_row = RowOf(from);
        product.a_step = 1;
        product.b = filter + begin * from + i * product.channels;
        product.b_step = product.channels;
        product.out = out + begin;
        product.out_row = RowOf(to);
        product.adds = i > 0;
        RunBy2<Multiply>(product);
      }
  }
};

// (x, dy) -> dfilter
class FilterGradient : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &dy = context->input(1);
    bool fits = x.dims() == 4 && dy.dims() == 4;
    for (int i = 0; i < 3; i++) fits = fits && x.dim_size(i) == dy.dim_size(i);
    OP_REQUIRES(context, fits, absl::InvalidArgumentError("expected as many images of the same size"));
    const int64_t from = x.dim_size(3), to = dy.dim_size(3), x_row = RowOf(from), dy_row = RowOf(to), row = RowOf(panel);
    const Tiles tiles(x);
    Tensor *result = nullptr, scratch;
    OP_REQUIRES_OK(context, context->allocate_output(0, {3, 3, from, to}, &result));
    float* out = result->flat<float>().data();
    if (tiles.count == 0) return void(std::fill_n(out, result->NumElements(), 0.f));
    // By the channels alone, so that sums do not depend on the number of threads.
    const int64_t each = std::min(tiles.count, std::clamp<int64_t>(32768 / (from + to), 64, 256));
    const int64_t threads = ThreadCount(context), panels = Parts(to, panel);
    int64_t rows = 64;
    while (rows > 8 && panels * Parts(from, rows) < 2 * threads) rows /= 2;
    const int64_t blocks = Parts(from, rows);
    float* xs = Scratch(context, points * (each * (x_row + dy_row) + threads * rows * row), &scratch);
    if (!context->status().ok()) return;
    float *dys = xs + points * each * x_row, *sums = dys + points * each * dy_row;
    for (int64_t begin = 0; begin < tiles.count; begin += each) {
      const int64_t count = std::min(each, tiles.count - begin);
      Share(context, count, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; i++) {
          tiles.Read<OfPixels>(Data<float>(x), from, begin + i, 1, xs + i * x_row, each * x_row);
          tiles.Read<OfResults>(Data<float>(dy), to, begin + i, 0, dys + i * dy_row, each * dy_row);
        }
      });
      ShareParts(context, panels * blocks, [&](int64_t thread, int64_t part) {
        const int64_t channel = part / blocks * panel, i = part % blocks * rows;
        Product product{};
        product.channels = std::min(panel, to - channel);
        product.rows = std::min(rows, from - i);
        product.count = count;
        product.a_row = 1;
        product.a_step = x_row;
        product.b_step = dy_row;
        product.out_row = row;
        float* here = sums + thread * points * rows * row;
        for (int64_t point = 0; point < points; point++) {
          product.a = xs + point * each * x_row + i;
          product.b = dys + point * each * dy_row + channel;
          product.out = here + point * rows * row;
          RunBy2<Multiply>(product);
        }
        Square square = OfFilter(product.channels, from * to, rows * row);
        for (int64_t k = 0; k < product.rows; k++) {
          square.from = here + k * row;
          square.to = out + (i + k) * to + channel;
          if (begin == 0)
            RunBy2<Taps<false>>(square);
          else
            RunBy2<Taps<true>>(square);
        }
      });
    }
  }
};

}  // namespace winograd

}  // namespace
