// What operations have in common: their threads and their tensors.
#pragma once

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>

#include "tensorflow/core/framework/op_kernel.h"

namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

tensorflow::thread::ThreadPool* Pool(OpKernelContext* context) {
  return context->device()->tensorflow_cpu_worker_threads()->workers;
}

int64_t ThreadCount(OpKernelContext* context) { return Pool(context)->NumThreads(); }

// work(first, last) on parts of 0 .. count that together are all of it, by TensorFlow's threads.
void Share(OpKernelContext* context, int64_t count, const std::function<void(int64_t, int64_t)>& work) {
  using tensorflow::thread::ThreadPool;
  ThreadPool* threads = Pool(context);
  const int64_t each = std::max<int64_t>(1, (count + threads->NumThreads() - 1) / threads->NumThreads());
  using Parts = ThreadPool::SchedulingParams;
  threads->ParallelFor(count, Parts(ThreadPool::SchedulingStrategy::kFixedBlockSize, std::nullopt, each), work);
}

// work(thread, part) on each part, by threads of which each has a number, for memory of its own.
template <class Work>
void ShareParts(OpKernelContext* context, int64_t parts, const Work& work) {
  const int64_t threads = ThreadCount(context);
  Share(context, threads, [&](int64_t first, int64_t last) {
    for (int64_t thread = first; thread < last; thread++)
      for (int64_t part = thread * parts / threads; part < (thread + 1) * parts / threads; part++) work(thread, part);
  });
}

// work(first, last) on parts of so many numbers.
template <class Work>
void ShareNumbers(OpKernelContext* context, int64_t count, const Work& work) {
  const int64_t each = 16384;
  Share(context, (count + each - 1) / each,
        [&](int64_t first, int64_t last) { work(first * each, std::min(count, last * each)); });
}

template <class T>
const T* Data(const Tensor& tensor) {
  return tensor.flat<T>().data();
}

// Shaped like `like`; in the memory of input `reused`, where one is named and nobody else reads it.
template <class T>
T* Output(OpKernelContext* context, int i, const Tensor& like, std::initializer_list<int> reused = {}) {
  Tensor* tensor = nullptr;
  context->SetStatus(context->forward_input_or_allocate_output(reused, i, like.shape(), &tensor));
  return context->status().ok() ? tensor->flat<T>().data() : nullptr;
}

// The channels of an image, the last of its sizes.
int64_t Channels(const Tensor& image) { return image.dims() == 0 ? 0 : image.dim_size(image.dims() - 1); }

}  // namespace
