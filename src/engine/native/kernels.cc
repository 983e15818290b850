// Batch norm in training together with what follows it, activations, SGD, and depthwise convolution, as operations of TensorFlow: each reads its
// tensors once or twice and writes its results once, where the library's own kernels, one for each step on the way, read and write them several times.
// And convolution with fewer multiplications (winograd.h).
// Compiled without contraction to fused multiply-adds: the same bits whatever vectors the processor has.
#include <node_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "activations.h"
#include "operations.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "vectors.h"
#include "winograd.h"

namespace {

// ---- Passes over the rows of a block ----------------------------------------------------------------------------------------------------

// An image as rows of channels, and what a pass takes and gives: of each row, and of each channel.
template <class T>
struct Block {
  int64_t rows, channels;
  const T *x, *dy, *addend;
  T* out;
  // y = activation(factor (x - mean) + offset + addend)
  const float *mean, *factor, *offset;
  // Of the gradient: out = factor dy - dy_part - x_part (x - mean)
  const float *dy_part, *x_part;
  float *first, *second;
};

// `first` and `second`: the mean of each channel, and the sum of squares around it.
struct Moments {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    typename V::Floats mean[N], squares[N];
    for (int k = 0; k < N; k++) mean[k] = squares[k] = typename V::Floats{};
    const T* x = b.x + channel;
    for (int64_t row = 0; row < b.rows; row++)
      for (int k = 0; k < N; k++) mean[k] += V::Load(x + row * b.channels + k * V::lanes);
    for (int k = 0; k < N; k++) mean[k] /= static_cast<float>(b.rows);
    for (int64_t row = 0; row < b.rows; row++)
      for (int k = 0; k < N; k++) {
        const auto centred = V::Load(x + row * b.channels + k * V::lanes) - mean[k];
        squares[k] += centred * centred;
      }
    for (int k = 0; k < N; k++) {
      V::Store(b.first + channel + k * V::lanes, mean[k]);
      V::Store(b.second + channel + k * V::lanes, squares[k]);
    }
  }
};

// Of N vectors of channels, how a number is normalised.
template <class V, int N>
struct Normalised {
  typename V::Floats mean[N], factor[N], offset[N];

  template <class T>
  INLINE Normalised(const Block<T>& b, int64_t channel) {
    for (int k = 0; k < N; k++) {
      mean[k] = V::Load(b.mean + channel + k * V::lanes);
      factor[k] = V::Load(b.factor + channel + k * V::lanes);
      offset[k] = V::Load(b.offset + channel + k * V::lanes);
    }
  }

  template <class T>
  INLINE typename V::Floats Centred(const Block<T>& b, int64_t at, int k) const {
    return V::Load(b.x + at) - mean[k];
  }
  INLINE typename V::Floats Scaled(typename V::Floats centred, int k) const { return centred * factor[k] + offset[k]; }

  // dy before the activation.
  template <Activation A, class T>
  INLINE typename V::Floats Dy(const Block<T>& b, int64_t at, typename V::Floats centred, int k) const {
    return Gradient<A, V>(V::Load(b.dy + at), Scaled(centred, k));
  }
};

template <Activation A, bool Adds>
struct Apply {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    const Normalised<V, N> normalised(b, channel);
    for (int64_t row = 0; row < b.rows; row++)
      for (int k = 0; k < N; k++) {
        const int64_t at = row * b.channels + channel + k * V::lanes;
        auto z = normalised.Scaled(normalised.Centred(b, at, k), k);
        if (Adds) z += V::Load(b.addend + at);
        V::Store(b.out + at, Activate<A, V>(z));
      }
  }
};

// `first` and `second`: the sums of dy, and of dy (x - mean), of each channel; dy is that before the activation.
template <Activation A>
struct GradientSums {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    const Normalised<V, N> normalised(b, channel);
    typename V::Floats sums[N], products[N];
    for (int k = 0; k < N; k++) sums[k] = products[k] = typename V::Floats{};
    for (int64_t row = 0; row < b.rows; row++)
      for (int k = 0; k < N; k++) {
        const int64_t at = row * b.channels + channel + k * V::lanes;
        const auto centred = normalised.Centred(b, at, k);
        const auto dy = normalised.template Dy<A>(b, at, centred, k);
        sums[k] += dy;
        products[k] += dy * centred;
      }
    for (int k = 0; k < N; k++) {
      V::Store(b.first + channel + k * V::lanes, sums[k]);
      V::Store(b.second + channel + k * V::lanes, products[k]);
    }
  }
};

template <Activation A>
struct ApplyGradient {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    const Normalised<V, N> normalised(b, channel);
    typename V::Floats dy_part[N], x_part[N];
    for (int k = 0; k < N; k++) {
      dy_part[k] = V::Load(b.dy_part + channel + k * V::lanes);
      x_part[k] = V::Load(b.x_part + channel + k * V::lanes);
    }
    for (int64_t row = 0; row < b.rows; row++)
      for (int k = 0; k < N; k++) {
        const int64_t at = row * b.channels + channel + k * V::lanes;
        const auto centred = normalised.Centred(b, at, k);
        const auto dy = normalised.template Dy<A>(b, at, centred, k);
        V::Store(b.out + at, dy * normalised.factor[k] - dy_part[k] - centred * x_part[k]);
      }
  }
};

template <Activation A>
struct Alone {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes)
      V::Store(b.out + at, Activate<A, V>(V::Load(b.x + at)));
  }
};

template <Activation A, bool Adds>
struct GradientAlone {
  template <class V, int N, class T>
  static INLINE void At(const Block<T>& b, int64_t channel) {
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes) {
      auto dy = V::Load(b.dy + at);
      if (Adds) dy += V::Load(b.addend + at);
      V::Store(b.out + at, Gradient<A, V>(dy, V::Load(b.x + at)));
    }
  }
};

// SGD with Nesterov momentum, of `channels` numbers.
struct Descent {
  int64_t channels;
  const float *parameter, *gradient, *velocity;
  float *next_parameter, *next_velocity;
  float rate, momentum, decay;
};

struct Nesterov {
  template <class V, int N>
  static INLINE void At(const Descent& d, int64_t channel) {
    for (int64_t at = channel; at < channel + N * V::lanes; at += V::lanes) {
      const auto parameter = V::Load(d.parameter + at);
      const auto gradient = V::Load(d.gradient + at) + parameter * d.decay;
      const auto velocity = V::Load(d.velocity + at) * d.momentum + gradient;
      V::Store(d.next_velocity + at, velocity);
      V::Store(d.next_parameter + at, parameter - (gradient + velocity * d.momentum) * d.rate);
    }
  }
};

// Of a place in one image, which places of another a filter joins it to: `count` of them from `at` on, by the filter's `tap` and those after it.
struct Taps {
  int64_t count, tap, at;
};

// A filter's height or width, with its stride and the zeros before the first pixel.
struct Window {
  int64_t taps, stride, before;

  // What the result's place `to` is computed from, of `from` pixels. Taps and pixels follow each other.
  Taps Seen(int64_t to, int64_t from) const {
    const int64_t start = to * stride - before, tap = std::max<int64_t>(0, -start);
    return {std::max<int64_t>(0, std::min(taps, from - start) - tap), tap, start + tap};
  }

  // Which of the result's `to` places are computed from pixel `from`. Each tap is a stride further, each place one less.
  Taps Seeing(int64_t from, int64_t to) const {
    const int64_t end = from + before, behind = std::max<int64_t>(0, end - stride * (to - 1));
    const int64_t tap = behind + (end - behind) % stride, last = std::min(end, taps - 1);
    return {last < tap ? 0 : (last - tap) / stride + 1, tap, (end - tap) / stride};
  }

  // At which of the result's `to` places `tap` sees one of `from` pixels; `at` is the pixel of the first, the next ones are a stride further.
  Taps By(int64_t tap, int64_t from, int64_t to) const {
    const int64_t first = tap < before ? (before - tap + stride - 1) / stride : 0;
    const int64_t start = first * stride - before + tap;
    const int64_t end = start < from ? std::min(to, first + (from - 1 - start) / stride + 1) : first;
    return {std::max<int64_t>(0, end - first), first, start};
  }
};

// A row of the result of a depthwise convolution, or of its gradient: sums of pixels times taps.
template <class T>
struct Gathered {
  int64_t channels;
  // Of a row that is gathered from, of the filter, and of the result.
  int64_t columns, filter_columns, width;
  // From a tap to the next that counts, and from the pixel it is for to the next one's.
  int64_t next_tap, next_at;
  Taps rows;
  const Taps* taps;
  // An image, and the filter.
  const T *from, *filter;
  T* out;
};

struct Gather {
  template <class V, int N, class T>
  static INLINE void At(const Gathered<T>& g, int64_t channel) {
    for (int64_t i = 0; i < g.width; i++) {
      const Taps taps = g.taps[i];
      typename V::Floats sums[N];
      for (int k = 0; k < N; k++) sums[k] = typename V::Floats{};
      for (int64_t row = 0; row < g.rows.count; row++) {
        const int64_t y = g.rows.at + row * g.next_at, tap = g.rows.tap + row * g.next_tap;
        const T* from = g.from + (y * g.columns + taps.at) * g.channels + channel;
        const T* filter = g.filter + (tap * g.filter_columns + taps.tap) * g.channels + channel;
        for (int64_t column = 0; column < taps.count; column++) {
          for (int k = 0; k < N; k++) sums[k] += V::Load(from + k * V::lanes) * V::Load(filter + k * V::lanes);
          from += g.next_at * g.channels;
          filter += g.next_tap * g.channels;
        }
      }
      for (int k = 0; k < N; k++) V::Store(g.out + i * g.channels + channel + k * V::lanes, sums[k]);
    }
  }
};

// A tap of a depthwise filter on a row: adds the products of what it sees with the gradient of the result to the tap's own.
template <class T>
struct Products {
  int64_t channels, count;
  // From a pixel to the next that it sees.
  int64_t stride;
  const T *x, *dy;
  float* sums;
};

struct AddProducts {
  template <class V, int N, class T>
  static INLINE void At(const Products<T>& p, int64_t channel) {
    typename V::Floats sums[N];
    for (int k = 0; k < N; k++) sums[k] = V::Load(p.sums + channel + k * V::lanes);
    const T *x = p.x + channel, *dy = p.dy + channel;
    for (int64_t i = 0; i < p.count; i++) {
      for (int k = 0; k < N; k++) sums[k] += V::Load(x + k * V::lanes) * V::Load(dy + k * V::lanes);
      x += p.stride * p.channels;
      dy += p.channels;
    }
    for (int k = 0; k < N; k++) V::Store(p.sums + channel + k * V::lanes, sums[k]);
  }
};

// ---- Threads ----------------------------------------------------------------------------------------------------------------------------

// How rows are cut into blocks: by their number alone, so that sums do not depend on the number of threads.
template <class T>
class Cut {
 public:
  Cut(OpKernelContext* context, const Block<T>& all) : context_(context), all_(all) {
    // A block is read a second time from the cache.
    const int64_t few = std::max<int64_t>(1, 16384 / all.channels);
    rows_ = std::max(few, (all.rows + 255) / 256);
    blocks = (all.rows + rows_ - 1) / rows_;
  }

  int64_t Rows(int64_t block) const { return std::min(rows_, all_.rows - block * rows_); }

  // @param parts what the pass gives of each block: `blocks` rows of `first`, then as many of `second`; none where it gives nothing
  template <class Pass>
  void Each(float* parts = nullptr) const {
    Share(context_, blocks, [this, parts](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; block++) {
        Block<T> part = Of(block);
        if (parts != nullptr) {
          part.first = parts + block * all_.channels;
          part.second = part.first + blocks * all_.channels;
        }
        Run<Pass>(part);
      }
    });
  }

  std::vector<float> Parts() const { return std::vector<float>(2 * blocks * all_.channels); }

  int64_t blocks;

 private:
  Block<T> Of(int64_t block) const {
    const int64_t at = block * rows_ * all_.channels;
    Block<T> part = all_;
    part.rows = Rows(block);
    for (const T** from : {&part.x, &part.dy, &part.addend})
      if (*from != nullptr) *from += at;
    if (part.out != nullptr) part.out += at;
    return part;
  }

  OpKernelContext* context_;
  const Block<T>& all_;
  int64_t rows_;
};

// ---- The operations ---------------------------------------------------------------------------------------------------------------------

template <Activation A>
using ApplyAlone = Apply<A, false>;
template <Activation A>
using ApplyToSum = Apply<A, true>;

template <Activation A>
using GradientOfOne = GradientAlone<A, false>;
template <Activation A>
using GradientOfSum = GradientAlone<A, true>;

// (x, scale, offset, addend?) -> (y, mean, variance with Bessel's correction, 1 / sqrt(variance + epsilon))
template <class T>
class BatchNorm : public WithActivation {
 public:
  explicit BatchNorm(OpKernelConstruction* construction) : WithActivation(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon_));
  }

  void Compute(OpKernelContext* context) override {
    const bool adds = context->num_inputs() == 4;
    const Tensor &x = context->input(0), &scale = context->input(1), &offset = context->input(2);
    const int64_t channels = Channels(x);
    OP_REQUIRES(context,
                x.NumElements() > 0 && scale.NumElements() == channels && offset.NumElements() == channels &&
                    (!adds || context->input(3).shape() == x.shape()),
                absl::InvalidArgumentError("expected an image, a scale and an offset of each channel, and what is added"));
    auto* y = Output<T>(context, 0, x);
    auto* mean = Output<float>(context, 1, scale);
    auto* variance = Output<float>(context, 2, scale);
    auto* inverse = Output<float>(context, 3, scale);
    if (!context->status().ok()) return;

    Block<T> all{};
    all.rows = x.NumElements() / channels;
    all.channels = channels;
    all.x = Data<T>(x);
    const Cut<T> cut(context, all);
    std::vector<float> parts = cut.Parts();
    cut.template Each<Moments>(parts.data());
    // Chan et al. 1983: the mean of the blocks' means, and their sums of squares with those of the means around it.
    std::vector<double> means(channels), squares(channels);
    for (int64_t block = 0; block < cut.blocks; block++)
      for (int64_t c = 0; c < channels; c++) means[c] += cut.Rows(block) * double{parts[block * channels + c]};
    for (double& sum : means) sum /= all.rows;
    for (int64_t block = 0; block < cut.blocks; block++)
      for (int64_t c = 0; c < channels; c++) {
        const double away = parts[block * channels + c] - means[c];
        squares[c] += parts[(cut.blocks + block) * channels + c] + cut.Rows(block) * away * away;
      }
    std::vector<float> factor(channels);
    for (int64_t c = 0; c < channels; c++) {
      mean[c] = static_cast<float>(means[c]);
      variance[c] = static_cast<float>(squares[c] / std::max<int64_t>(1, all.rows - 1));
      inverse[c] = static_cast<float>(1 / std::sqrt(squares[c] / all.rows + epsilon_));
      factor[c] = Data<float>(scale)[c] * inverse[c];
    }
    all.out = y;
    all.mean = mean;
    all.factor = factor.data();
    all.offset = Data<float>(offset);
    const auto apply = [&cut](auto pass) { cut.template Each<decltype(pass)>(); };
    if (adds) {
      all.addend = Data<T>(context->input(3));
      With<ApplyToSum>(apply);
    } else {
      With<ApplyAlone>(apply);
    }
  }

 private:
  float epsilon_;
};

// (dy, x, scale, offset, mean, inverse) -> (dx, dscale, doffset)
template <class T>
class BatchNormGrad : public WithActivation {
 public:
  using WithActivation::WithActivation;

  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1), &scale = context->input(2);
    const int64_t channels = Channels(x);
    bool fits = x.NumElements() > 0 && dy.NumElements() == x.NumElements();
    for (int i = 2; i < 6; i++) fits = fits && context->input(i).NumElements() == channels;
    OP_REQUIRES(context, fits, absl::InvalidArgumentError("expected two images and four numbers for each of their channels"));
    const float *mean = Data<float>(context->input(4)), *inverse = Data<float>(context->input(5));
    auto* dx = Output<T>(context, 0, x, {0});
    auto* dscale = Output<float>(context, 1, scale);
    auto* doffset = Output<float>(context, 2, scale);
    if (!context->status().ok()) return;

    std::vector<float> factor(channels), dy_part(channels), x_part(channels);
    for (int64_t c = 0; c < channels; c++) factor[c] = Data<float>(scale)[c] * inverse[c];
    Block<T> all{};
    all.rows = x.NumElements() / channels;
    all.channels = channels;
    all.x = Data<T>(x);
    all.dy = Data<T>(dy);
    all.out = dx;
    all.mean = mean;
    all.factor = factor.data();
    all.offset = Data<float>(context->input(3));
    all.dy_part = dy_part.data();
    all.x_part = x_part.data();
    const Cut<T> cut(context, all);
    std::vector<float> parts = cut.Parts();
    With<GradientSums>([&](auto pass) { cut.template Each<decltype(pass)>(parts.data()); });
    std::vector<double> sums(channels), products(channels);
    for (int64_t block = 0; block < cut.blocks; block++)
      for (int64_t c = 0; c < channels; c++) {
        sums[c] += parts[block * channels + c];
        products[c] += parts[(cut.blocks + block) * channels + c];
      }
    for (int64_t c = 0; c < channels; c++) {
      const double root = inverse[c];
      dscale[c] = static_cast<float>(products[c] * root);
      doffset[c] = static_cast<float>(sums[c]);
      dy_part[c] = static_cast<float>(factor[c] * sums[c] / all.rows);
      x_part[c] = static_cast<float>(factor[c] * root * root * products[c] / all.rows);
    }
    With<ApplyGradient>([&](auto pass) { cut.template Each<decltype(pass)>(); });
  }
};

// A pass over single numbers: (x) -> out, or with dy and what is added to it, of the same shape, (dy, x, addend?) -> out, in the memory of the first.
template <class Pass, class T>
void Pointwise(OpKernelContext* context, const Tensor& x, const Tensor* dy = nullptr, const Tensor* addend = nullptr) {
  T* out = Output<T>(context, 0, x, {0});
  if (!context->status().ok()) return;
  ShareNumbers(context, x.NumElements(), [&](int64_t first, int64_t last) {
    Block<T> part{};
    part.channels = last - first;
    part.x = Data<T>(x) + first;
    if (dy != nullptr) part.dy = Data<T>(*dy) + first;
    if (addend != nullptr) part.addend = Data<T>(*addend) + first;
    part.out = out + first;
    Run<Pass>(part);
  });
}

// (x) -> activation(x)
template <class T>
class ActivationOp : public WithActivation {
 public:
  using WithActivation::WithActivation;

  void Compute(OpKernelContext* context) override {
    With<Alone>([&](auto pass) { Pointwise<decltype(pass), T>(context, context->input(0)); });
  }
};

// (dy, x, addend?) -> dx, of dy + addend
template <class T>
class ActivationGrad : public WithActivation {
 public:
  using WithActivation::WithActivation;

  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1);
    const Tensor* addend = context->num_inputs() == 3 ? &context->input(2) : nullptr;
    OP_REQUIRES(context, dy.shape() == x.shape() && (addend == nullptr || addend->shape() == x.shape()),
                absl::InvalidArgumentError("expected tensors of one shape"));
    const auto apply = [&](auto pass) { Pointwise<decltype(pass), T>(context, x, &dy, addend); };
    if (addend == nullptr)
      With<GradientOfOne>(apply);
    else
      With<GradientOfSum>(apply);
  }
};

// (parameter, gradient, velocity, rate) -> (parameter, velocity)
class NesterovOp : public OpKernel {
 public:
  explicit NesterovOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("momentum", &momentum_));
    OP_REQUIRES_OK(construction, construction->GetAttr("decay", &decay_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &parameter = context->input(0), &gradient = context->input(1), &velocity = context->input(2),
                 &rate = context->input(3);
    OP_REQUIRES(context,
                gradient.shape() == parameter.shape() && velocity.shape() == parameter.shape() && rate.NumElements() == 1,
                absl::InvalidArgumentError("expected three tensors of one shape, and a rate"));
    const float* given = Data<float>(gradient);
    float* next_parameter = Output<float>(context, 0, parameter);
    float* next_velocity = Output<float>(context, 1, parameter, {1});
    if (!context->status().ok()) return;
    ShareNumbers(context, parameter.NumElements(), [&](int64_t first, int64_t last) {
      Run<Nesterov>(Descent{last - first, Data<float>(parameter) + first, given + first, Data<float>(velocity) + first,
                            next_parameter + first, next_velocity + first, *Data<float>(rate), momentum_, decay_});
    });
  }

 private:
  float momentum_, decay_;
};

// ---- Strides ----------------------------------------------------------------------------------------------------------------------------

// (x) -> [n, height, width, channels], a row of pixels at a time.
template <class T>
class Strided : public OpKernel {
 public:
  explicit Strided(OpKernelConstruction* construction) : OpKernel(construction) {
    for (auto [name, value] : {std::pair{"stride", &stride_}, {"height", &height_}, {"width", &width_}})
      OP_REQUIRES_OK(construction, construction->GetAttr(name, value));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 4, absl::InvalidArgumentError("expected an image"));
    OP_REQUIRES(context, Fits(x.dim_size(1), height_) && Fits(x.dim_size(2), width_),
                absl::InvalidArgumentError("expected images that fit at this stride"));
    const tensorflow::TensorShape shape({x.dim_size(0), height_, width_, x.dim_size(3)});
    Tensor* result = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &result));
    T* to = result->flat<T>().data();
    Share(context, x.dim_size(0) * height_, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++) Row(x, i / height_, i % height_, to + i * width_ * x.dim_size(3));
    });
  }

 protected:
  // Whether a side of x suits one of the result.
  virtual bool Fits(int64_t given, int64_t side) const = 0;
  // Writes row y of an image of the result.
  virtual void Row(const Tensor& x, int64_t image, int64_t y, T* to) const = 0;

  int64_t stride_, height_, width_;
};

// Every stride-th pixel.
template <class T>
class Every : public Strided<T> {
 public:
  using Strided<T>::Strided;

 protected:
  bool Fits(int64_t given, int64_t side) const override { return (side - 1) * this->stride_ < given; }

  void Row(const Tensor& x, int64_t image, int64_t y, T* to) const override {
    const int64_t rows = x.dim_size(1), columns = x.dim_size(2), channels = x.dim_size(3);
    const T* from = Data<T>(x) + (image * rows + y * this->stride_) * columns * channels;
    for (int64_t i = 0; i < this->width_; i++)
      std::memcpy(to + i * channels, from + i * this->stride_ * channels, channels * sizeof(T));
  }
};

// The gradient of `Every`: zeros where no pixel was taken.
template <class T>
class Spread : public Strided<T> {
 public:
  using Strided<T>::Strided;

 protected:
  bool Fits(int64_t given, int64_t side) const override { return (given - 1) * this->stride_ < side; }

  void Row(const Tensor& x, int64_t image, int64_t y, T* to) const override {
    const int64_t rows = x.dim_size(1), columns = x.dim_size(2), channels = x.dim_size(3);
    std::memset(static_cast<void*>(to), 0, this->width_ * channels * sizeof(T));
    if (y % this->stride_ != 0 || y / this->stride_ >= rows) return;
    const T* from = Data<T>(x) + (image * rows + y / this->stride_) * columns * channels;
    for (int64_t i = 0; i < columns; i++)
      std::memcpy(to + i * this->stride_ * channels, from + i * channels, channels * sizeof(T));
  }
};

// ---- Depthwise convolution --------------------------------------------------------------------------------------------------------------

// Two operands of [n, height, width, channels] and [height, width, channels, 1], or gradients of such.
template <class T>
class DepthwiseOp : public OpKernel {
 public:
  explicit DepthwiseOp(OpKernelConstruction* construction) : OpKernel(construction) {
    for (auto [name, value] :
         {std::pair{"stride", &stride_}, {"top", &top_}, {"left", &left_}, {"height", &height_}, {"width", &width_}})
      OP_REQUIRES_OK(construction, construction->GetAttr(name, value));
  }

 protected:
  Window Vertical(int64_t taps) const { return {taps, stride_, top_}; }
  Window Horizontal(int64_t taps) const { return {taps, stride_, left_}; }

  // Of the result.
  int64_t height_, width_;

 private:
  int64_t stride_, top_, left_;
};

// (x, filter) -> y, or where it is the gradient (dy, filter) -> dx.
template <class T, bool Backward>
class DepthwiseImage : public DepthwiseOp<T> {
 public:
  using DepthwiseOp<T>::DepthwiseOp;

  void Compute(OpKernelContext* context) override {
    const Tensor &from = context->input(0), &filter = context->input(1);
    OP_REQUIRES(context, from.dims() == 4 && filter.dims() == 4 && filter.dim_size(2) == from.dim_size(3) && filter.dim_size(3) == 1,
                absl::InvalidArgumentError("expected images, and a filter for each of their channels"));
    const int64_t images = from.dim_size(0), rows = from.dim_size(1), height = this->height_;
    const Window vertical = this->Vertical(filter.dim_size(0)), horizontal = this->Horizontal(filter.dim_size(1));
    Gathered<T> all{};
    all.channels = from.dim_size(3);
    all.columns = from.dim_size(2);
    all.filter_columns = filter.dim_size(1);
    all.width = this->width_;
    all.next_tap = Backward ? vertical.stride : 1;
    all.next_at = Backward ? -1 : 1;
    all.filter = Data<T>(filter);
    const auto taps = [](const Window& window, int64_t at, int64_t side) {
      return Backward ? window.Seeing(at, side) : window.Seen(at, side);
    };
    std::vector<Taps> columns;
    for (int64_t i = 0; i < all.width; i++) columns.push_back(taps(horizontal, i, all.columns));
    all.taps = columns.data();
    Tensor* result = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {images, height, all.width, all.channels}, &result));
    T* out = result->flat<T>().data();
    Share(context, images * height, [&](int64_t first, int64_t last) {
      Gathered<T> row = all;
      for (int64_t i = first; i < last; i++) {
        row.rows = taps(vertical, i % height, rows);
        row.from = Data<T>(from) + i / height * rows * all.columns * all.channels;
        row.out = out + i * all.width * all.channels;
        Run<Gather>(row);
      }
    });
  }
};

template <class T>
using Depthwise = DepthwiseImage<T, false>;
template <class T>
using DepthwiseInput = DepthwiseImage<T, true>;

// (x, dy) -> dfilter
template <class T>
class DepthwiseFilter : public DepthwiseOp<T> {
 public:
  using DepthwiseOp<T>::DepthwiseOp;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &dy = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && dy.dims() == 4 && x.dim_size(0) == dy.dim_size(0) && x.dim_size(3) == dy.dim_size(3),
                absl::InvalidArgumentError("expected as many images with as many channels"));
    const int64_t images = x.dim_size(0), channels = x.dim_size(3), count = this->height_ * this->width_ * channels;
    Tensor* result = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {this->height_, this->width_, channels, 1}, &result));
    // By the number of images alone, so that sums do not depend on the number of threads.
    const int64_t parts = std::min<int64_t>(images, 16);
    std::vector<float> sums(parts * count);
    Share(context, parts, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; part++)
        for (int64_t image = part * images / parts; image < (part + 1) * images / parts; image++)
          AddImage(x, dy, image, sums.data() + part * count);
    });
    T* out = result->flat<T>().data();
    Share(context, count, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; i++) {
        float sum = 0;
        for (int64_t part = 0; part < parts; part++) sum += sums[part * count + i];
        out[i] = static_cast<T>(sum);
      }
    });
  }

 private:
  void AddImage(const Tensor& x, const Tensor& dy, int64_t image, float* sums) const {
    const int64_t rows = x.dim_size(1), columns = x.dim_size(2), channels = x.dim_size(3), height = dy.dim_size(1),
                  width = dy.dim_size(2);
    const Window vertical = this->Vertical(this->height_), horizontal = this->Horizontal(this->width_);
    const T *from = Data<T>(x) + image * rows * columns * channels, *gradient = Data<T>(dy) + image * height * width * channels;
    for (int64_t i = 0; i < height; i++) {
      const Taps seen = vertical.Seen(i, rows);
      for (int64_t row = 0; row < seen.count; row++)
        for (int64_t column = 0; column < this->width_; column++) {
          const auto [count, at, pixel] = horizontal.By(column, columns, width);
          Run<AddProducts>(Products<T>{channels, count, horizontal.stride, from + ((seen.at + row) * columns + pixel) * channels,
                                       gradient + (i * width + at) * channels,
                                       sums + ((seen.tap + row) * this->width_ + column) * channels});
        }
    }
  }
};

// ---- Threads of operations --------------------------------------------------------------------------------------------------------------

// Threads of the device and of the executor: as many operations at once as the device has threads, each with so many.
class Threads {
 public:
  using Workers = tensorflow::DeviceBase::CpuWorkerThreads;
  using Runner = std::function<void(std::function<void()>)>;

  Threads(const Workers& workers, const Runner& runner) : workers(workers), runner(runner) {}

  Threads(int each, int operations) : Threads({each, New("gfnet", each)}, Scheduled(New("gfnet_operations", operations))) {}

  Workers workers;
  Runner runner;

 private:
  // Lives as long as the process, as TensorFlow's do.
  static tensorflow::thread::ThreadPool* New(const char* name, int count) {
    return new tensorflow::thread::ThreadPool(tensorflow::Env::Default(), name, count);
  }

  static Runner Scheduled(tensorflow::thread::ThreadPool* pool) {
    return [pool](std::function<void()> work) { pool->Schedule(std::move(work)); };
  }
};

// () -> how many threads the device has. Run by itself, outside of any step: operations have so many threads each from then on; all of them with 0.
// They run in threads of their own for each number: oneDNN's primitives, which TensorFlow keeps for each thread that runs operations, are made for
// as many threads as they were first run with, so that results would depend on what ran before.
class ThreadsOp : public OpKernel {
 public:
  explicit ThreadsOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("threads", &threads_));
  }

  void Compute(OpKernelContext* context) override {
    static std::mutex mutex;
    static std::map<int, Threads> made;
    std::lock_guard lock(mutex);
    tensorflow::DeviceBase* device = context->device();
    if (made.empty()) made.emplace(0, Threads(*device->tensorflow_cpu_worker_threads(), *context->runner()));
    const int all = made.at(0).workers.num_threads;
    const int each = threads_ == all ? 0 : threads_;
    Threads& threads = made.try_emplace(each, each, all).first->second;
    device->set_tensorflow_cpu_worker_threads(&threads.workers);
    *context->runner() = threads.runner;
    Tensor* count = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, {}, &count));
    count->scalar<int32_t>()() = all;
  }

 private:
  int threads_;
};

// ---- Their registration -----------------------------------------------------------------------------------------------------------------

using tensorflow::shape_inference::InferenceContext;

// The first output is like input `Image`, the others like the one after it.
template <int Image, int Outputs>
absl::Status Shapes(InferenceContext* context) {
  for (int i = 0; i < Outputs; i++) context->set_output(i, context->input(i == 0 ? Image : Image + 1));
  return absl::OkStatus();
}

REGISTER_OP("GfnetBatchNorm")
    .Attr("T: {float, bfloat16}")
    .Attr("N: int >= 0")
    .Attr("epsilon: float")
    .Attr("activation: int")
    .Input("x: T")
    .Input("scale: float")
    .Input("offset: float")
    .Input("addend: N * T")
    .Output("y: T")
    .Output("mean: float")
    .Output("variance: float")
    .Output("inverse: float")
    .SetShapeFn(Shapes<0, 4>);

REGISTER_OP("GfnetBatchNormGrad")
    .Attr("T: {float, bfloat16}")
    .Attr("activation: int")
    .Input("dy: T")
    .Input("x: T")
    .Input("scale: float")
    .Input("offset: float")
    .Input("mean: float")
    .Input("inverse: float")
    .Output("dx: T")
    .Output("dscale: float")
    .Output("doffset: float")
    .SetShapeFn(Shapes<1, 3>);

REGISTER_OP("GfnetActivation")
    .Attr("T: {float, bfloat16}")
    .Attr("activation: int")
    .Input("x: T")
    .Output("y: T")
    .SetShapeFn(Shapes<0, 1>);

REGISTER_OP("GfnetActivationGrad")
    .Attr("T: {float, bfloat16}")
    .Attr("N: int >= 0")
    .Attr("activation: int")
    .Input("dy: T")
    .Input("x: T")
    .Input("addend: N * T")
    .Output("dx: T")
    .SetShapeFn(Shapes<1, 1>);

// Of sizes that the operation tells.
template <int Dimensions>
absl::Status Sizes(InferenceContext* context) {
  context->set_output(0, context->UnknownShapeOfRank(Dimensions));
  return absl::OkStatus();
}

#define REGISTER_STRIDED(name)      \
  REGISTER_OP(name)                 \
      .Attr("T: {float, bfloat16}") \
      .Attr("stride: int >= 1")     \
      .Attr("height: int >= 1")     \
      .Attr("width: int >= 1")      \
      .Input("x: T")                \
      .Output("y: T")               \
      .SetShapeFn(Sizes<4>)

REGISTER_STRIDED("GfnetEvery");
REGISTER_STRIDED("GfnetSpread");

#define REGISTER_DEPTHWISE(name)    \
  REGISTER_OP(name)                 \
      .Attr("T: {float, bfloat16}") \
      .Attr("stride: int >= 1")     \
      .Attr("top: int >= 0")        \
      .Attr("left: int >= 0")       \
      .Attr("height: int >= 1")     \
      .Attr("width: int >= 1")      \
      .Input("first: T")            \
      .Input("second: T")           \
      .Output("result: T")          \
      .SetShapeFn(Sizes<4>)

REGISTER_DEPTHWISE("GfnetDepthwise");
REGISTER_DEPTHWISE("GfnetDepthwiseInput");
REGISTER_DEPTHWISE("GfnetDepthwiseFilter");

REGISTER_OP("GfnetWinogradFilter").Attr("turned: bool").Input("filter: float").Output("values: float").SetShapeFn(Sizes<3>);
REGISTER_OP("GfnetWinograd")
    .Attr("N: int >= 0")
    .Attr("activation: int")
    .Input("x: float")
    .Input("values: float")
    .Input("bias: N * float")
    .Output("y: float")
    .SetShapeFn(Sizes<4>);
REGISTER_OP("GfnetWinogradGrad").Input("x: float").Input("dy: float").Output("dfilter: float").SetShapeFn(Sizes<4>);

REGISTER_OP("GfnetNesterov")
    .Attr("momentum: float")
    .Attr("decay: float")
    .Input("parameter: float")
    .Input("gradient: float")
    .Input("velocity: float")
    .Input("rate: float")
    .Output("next_parameter: float")
    .Output("next_velocity: float")
    .SetShapeFn(Shapes<0, 2>);

REGISTER_OP("GfnetThreads")
    .Attr("threads: int >= 0")
    .Output("all: int32")
    .SetIsStateful()
    .SetShapeFn([](InferenceContext* context) {
      context->set_output(0, context->Scalar());
      return absl::OkStatus();
    });

#define REGISTER(name, Kernel)                                                                                          \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU).TypeConstraint<float>("T"), Kernel<float>);         \
  REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU).TypeConstraint<bfloat16>("T"), Kernel<bfloat16>)

REGISTER("GfnetBatchNorm", BatchNorm);
REGISTER("GfnetBatchNormGrad", BatchNormGrad);
REGISTER("GfnetActivation", ActivationOp);
REGISTER("GfnetActivationGrad", ActivationGrad);
REGISTER("GfnetEvery", Every);
REGISTER("GfnetSpread", Spread);
REGISTER("GfnetDepthwise", Depthwise);
REGISTER("GfnetDepthwiseInput", DepthwiseInput);
REGISTER("GfnetDepthwiseFilter", DepthwiseFilter);
REGISTER_KERNEL_BUILDER(Name("GfnetWinogradFilter").Device(tensorflow::DEVICE_CPU), winograd::Filter);
REGISTER_KERNEL_BUILDER(Name("GfnetWinograd").Device(tensorflow::DEVICE_CPU), winograd::Convolution);
REGISTER_KERNEL_BUILDER(Name("GfnetWinogradGrad").Device(tensorflow::DEVICE_CPU), winograd::FilterGradient);
REGISTER_KERNEL_BUILDER(Name("GfnetNesterov").Device(tensorflow::DEVICE_CPU), NesterovOp);
REGISTER_KERNEL_BUILDER(Name("GfnetThreads").Device(tensorflow::DEVICE_CPU), ThreadsOp);

// To Node a module like others; the operations are there once it is loaded.
napi_value Init(napi_env, napi_value exports) { return exports; }

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
