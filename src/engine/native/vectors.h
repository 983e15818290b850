// Vectors of channels, and passes over channels by the widest vectors that the processor has.
#pragma once

#include <cstdint>
#include <cstring>

#include "tensorflow/core/framework/op_kernel.h"

#define ALWAYS __attribute__((always_inline))
#define INLINE inline ALWAYS

namespace {

using Eigen::bfloat16;

// A channel.
struct One {
  static constexpr int lanes = 1;
  typedef float Floats;

  static INLINE float Load(const float* from) { return *from; }
  static INLINE void Store(float* to, float one) { *to = one; }

  static INLINE float Load(const bfloat16* from) { return static_cast<float>(*from); }
  static INLINE void Store(bfloat16* to, float one) { *to = static_cast<bfloat16>(one); }

  // 2^n, of a whole number from -126 to 127.
  static INLINE float PowerOf2(float n) {
    const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
    float power;
    std::memcpy(&power, &bits, sizeof(power));
    return power;
  }
};

// As many as there are bytes for. A macro, since GCC converts no vectors whose size is a template's.
#define VECTOR(Name, bytes)                                                                                       \
  struct Name {                                                                                                   \
    static constexpr int lanes = bytes / 4;                                                                       \
    typedef float Floats __attribute__((vector_size(bytes)));                                                     \
    typedef uint32_t Bits __attribute__((vector_size(bytes)));                                                    \
    typedef uint16_t Halves __attribute__((vector_size(bytes / 2)));                                              \
                                                                                                                  \
    static INLINE Floats Load(const float* from) {                                                                \
      Floats all;                                                                                                 \
      std::memcpy(&all, from, sizeof(all));                                                                       \
      return all;                                                                                                 \
    }                                                                                                             \
    static INLINE void Store(float* to, Floats all) { std::memcpy(to, &all, sizeof(all)); }                       \
                                                                                                                  \
    static INLINE Floats Load(const bfloat16* from) {                                                             \
      Halves halves;                                                                                              \
      std::memcpy(&halves, from, sizeof(halves));                                                                 \
      const Bits bits = __builtin_convertvector(halves, Bits) << 16;                                              \
      Floats all;                                                                                                 \
      std::memcpy(&all, &bits, sizeof(all));                                                                      \
      return all;                                                                                                 \
    }                                                                                                             \
    /* To the nearest, of two to the even one. */                                                                 \
    static INLINE void Store(bfloat16* to, Floats all) {                                                          \
      Bits bits;                                                                                                  \
      std::memcpy(&bits, &all, sizeof(bits));                                                                     \
      const Halves halves = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, Halves);          \
      std::memcpy(to, &halves, sizeof(halves));                                                                   \
    }                                                                                                             \
                                                                                                                  \
    static INLINE Floats PowerOf2(Floats n) {                                                                     \
      typedef int32_t Whole __attribute__((vector_size(bytes)));                                                  \
      const Whole bits = (__builtin_convertvector(n, Whole) + 127) << 23;                                         \
      Floats power;                                                                                               \
      std::memcpy(&power, &bits, sizeof(power));                                                                  \
      return power;                                                                                               \
    }                                                                                                             \
  };
VECTOR(Bytes16, 16)
VECTOR(Bytes32, 32)
VECTOR(Bytes64, 64)

// x y + sum. Rounded once by vectors of eight and more, which only processors with such an instruction are given; in its own words, since the
// compiler takes no such vectors for granted.
template <class V, class F = typename V::Floats>
INLINE F MultiplyAdd(F x, F y, F sum) {
#ifdef __x86_64__
  if constexpr (V::lanes >= 8) {
    asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(y));
    return sum;
  }
#endif
  return x * y + sum;
}

// A number in every lane.
template <class V, class F = typename V::Floats>
INLINE F Splat(const float* from) {
#ifdef __x86_64__
  if constexpr (V::lanes >= 8) {
    F all;
    asm("vbroadcastss %1, %0" : "=v"(all) : "m"(*from));
    return all;
  }
#endif
  return F{} + *from;
}

// From `channel` on, one vector at a time; of a rest by smaller ones.
template <class Pass, class V, class... Smaller, class B>
INLINE void Rest(const B& b, int64_t channel) {
  for (; channel + V::lanes <= b.channels; channel += V::lanes) Pass::template At<V, 1>(b, channel);
  if constexpr (sizeof...(Smaller) > 0) Rest<Pass, Smaller...>(b, channel);
}

// N of the largest vectors at a time, then one.
template <class Pass, int N, class V, class... Smaller, class B>
INLINE void AllChannels(const B& b) {
  int64_t channel = 0;
  for (; channel + N * V::lanes <= b.channels; channel += N * V::lanes) Pass::template At<V, N>(b, channel);
  Rest<Pass, V, Smaller...>(b, channel);
}

template <class Pass, class B>
void Plain(const B& b) {
  AllChannels<Pass, 2, Bytes16, One>(b);
}

#ifdef __x86_64__
template <class Pass, class B>
__attribute__((target("avx2,fma"))) void Avx2(const B& b) {
  AllChannels<Pass, 2, Bytes32, Bytes16, One>(b);
}

template <class Pass, int N, class B>
__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))) void Avx512(const B& b) {
  AllChannels<Pass, N, Bytes64, Bytes32, Bytes16, One>(b);
}

const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif

// @param N how many of the vectors with most registers at a time
template <class Pass, int N = 4, class B>
void Run(const B& b) {
#ifdef __x86_64__
  if (has_avx512) return Avx512<Pass, N>(b);
  if (has_avx2) return Avx2<Pass>(b);
#endif
  Plain<Pass>(b);
}

}  // namespace
