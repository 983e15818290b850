// What is done to each number by itself.
#pragma once

#include <cstdint>

#include "operations.h"
#include "vectors.h"

namespace {

// As src/engine/ops.ts numbers them.
enum Activation { kIdentity, kRelu, kRelu6, kHardSwish, kSwish };

// 1 / (1 + exp(-z)), to 2 units of the last place: exp(r) by its series, of r = -z - n ln 2 within half of ln 2, times 2^n.
template <class V>
INLINE typename V::Floats Sigmoid(typename V::Floats z) {
  using F = typename V::Floats;
  // Beyond it is 0 or 1; NaN stays.
  F x = z > F{} + 87 ? F{} - 87 : -z;
  x = x > F{} + 87 ? F{} + 87 : x;
  const F whole = F{} + 12582912.f;  // 1.5 * 2^23: what is added to it is rounded.
  const F n = (x * 1.44269504f + whole) - whole;
  const F r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  F e = F{} + 1 / 5040.f;
  for (const float term : {1 / 720.f, 1 / 120.f, 1 / 24.f, 1 / 6.f, 1 / 2.f, 1.f, 1.f}) e = e * r + term;
  return 1 / (1 + e * V::PowerOf2(n));
}

// Comparisons with NaN are false, and it stays.
template <class F>
INLINE F Clip6(F z) {
  z = z < F{} ? F{} : z;
  return z > F{} + 6 ? F{} + 6 : z;
}

template <Activation A, class V, class F = typename V::Floats>
INLINE F Activate(F z) {
  switch (A) {
    case kRelu:
      return z < F{} ? F{} : z;
    case kRelu6:
      return Clip6(z);
    case kHardSwish:
      return z * Clip6(z + 3) * (1 / 6.f);
    case kSwish:
      return z * Sigmoid<V>(z);
    default:
      return z;
  }
}

// dy times the activation's derivative at z.
template <Activation A, class V, class F = typename V::Floats>
INLINE F Gradient(F dy, F z) {
  switch (A) {
    case kRelu:
      return z > F{} ? dy : F{};
    case kRelu6:
      return (z > F{}) & (z < F{} + 6) ? dy : F{};
    case kHardSwish: {
      const F slope = z < F{} + 3 ? (2 * z + 3) * (1 / 6.f) : F{} + 1;
      return z > F{} - 3 ? dy * slope : F{};
    }
    case kSwish: {
      const F gate = Sigmoid<V>(z);
      return dy * (gate + z * gate * (1 - gate));
    }
    default:
      return dy;
  }
}

class WithActivation : public OpKernel {
 public:
  explicit WithActivation(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("activation", &activation_));
  }

 protected:
  // work(a Pass of the activation)
  template <template <Activation> class Pass, class Work>
  void With(const Work& work) {
    switch (activation_) {
      case kRelu:
        return work(Pass<kRelu>());
      case kRelu6:
        return work(Pass<kRelu6>());
      case kHardSwish:
        return work(Pass<kHardSwish>());
      case kSwish:
        return work(Pass<kSwish>());
      default:
        return work(Pass<kIdentity>());
    }
  }

 private:
  int activation_;
};

}  // namespace
