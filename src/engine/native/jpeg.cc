// Regions of JPEGs, decoded in the thread that asks by the libjpeg-turbo that is part of TensorFlow: a third of the time that libvips takes,
// for the same bits. A module by itself, since tfjs-node's binding can be loaded by one thread alone.
#include <dlfcn.h>
#include <node_api.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#include "tensorflow/c/tf_tstring.h"

namespace {

thread_local bool decoding = false;

#ifdef __GLIBC__
ssize_t WriteUnlessDecoding(void*, const char* text, size_t length) {
  return decoding ? static_cast<ssize_t>(length) : write(STDERR_FILENO, text, length);
}

// libjpeg prints its warnings to stderr, and nobody can tell it not to. Node writes to the file descriptor and is not concerned.
void DropWarnings() {
  FILE* stream = fopencookie(nullptr, "w", {nullptr, WriteUnlessDecoding, nullptr, nullptr});
  if (stream == nullptr) return;
  setvbuf(stream, nullptr, _IONBF, 0);
  stderr = stream;
}
#else
void DropWarnings() {}
#endif

// Shared by all threads, and never given back.
TFE_Context* Context() {
  static TFE_Context* context = [] {
    TF_Status* status = TF_NewStatus();
    TFE_ContextOptions* options = TFE_NewContextOptions();
    // A ConfigProto: one thread within and one between operations, for there is one operation and it needs none.
    const uint8_t config[] = {2 << 3, 1, 5 << 3, 1};
    TFE_ContextOptionsSetConfig(options, config, sizeof(config), status);
    TFE_Context* made = TFE_NewContext(options, status);
    TFE_DeleteContextOptions(options);
    TF_DeleteStatus(status);
    return made;
  }();
  return context;
}

struct Region {
  int32_t top, left, height, width;
};

// Frees what an operation was given and gave.
struct Call {
  TF_Status* status = TF_NewStatus();
  TFE_Op* op = nullptr;
  TFE_TensorHandle* handles[3] = {nullptr, nullptr, nullptr};
  TF_Tensor* tensors[3] = {nullptr, nullptr, nullptr};

  ~Call() {
    if (op != nullptr) TFE_DeleteOp(op);
    for (auto* handle : handles)
      if (handle != nullptr) TFE_DeleteTensorHandle(handle);
    for (auto* tensor : tensors)
      if (tensor != nullptr) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status);
  }

  bool ok() const { return TF_GetCode(status) == TF_OK; }

  // Hands the tensor that was made as input `i` to the operation.
  bool Give(int i) {
    handles[i] = TFE_NewTensorHandle(tensors[i], status);
    if (!ok()) return false;
    TFE_OpAddInput(op, handles[i], status);
    return ok();
  }
};

// `wanted` of the image to `out`, [height, width, channels]; false where libjpeg refuses it.
bool Decode(const void* bytes, size_t length, int32_t channels, int32_t image_width, const Region& wanted,
            uint8_t* out) {
  TFE_Context* context = Context();
  if (context == nullptr) return false;
  Call call;
  call.op = TFE_NewOp(context, "DecodeAndCropJpeg", call.status);
  if (!call.ok()) return false;
  TFE_OpSetAttrInt(call.op, "channels", channels);
  const char method[] = "INTEGER_ACCURATE";
  TFE_OpSetAttrString(call.op, "dct_method", method, sizeof(method) - 1);

  call.tensors[0] = TF_AllocateTensor(TF_STRING, nullptr, 0, sizeof(TF_TString));
  auto* text = static_cast<TF_TString*>(TF_TensorData(call.tensors[0]));
  TF_TString_Init(text);
  TF_TString_AssignView(text, static_cast<const char*>(bytes), length);
  // One column more on either side: the colours of the outermost are interpolated from it.
  Region wide = wanted;
  wide.left = std::max(0, wanted.left - 1);
  wide.width = std::min(image_width, wanted.left + wanted.width + 1) - wide.left;
  const int64_t four = 4;
  call.tensors[1] = TF_AllocateTensor(TF_INT32, &four, 1, sizeof(wide));
  std::memcpy(TF_TensorData(call.tensors[1]), &wide, sizeof(wide));
  if (!call.Give(0) || !call.Give(1)) return false;

  int count = 1;
  decoding = true;
  TFE_Execute(call.op, &call.handles[2], &count, call.status);
  decoding = false;
  if (!call.ok()) return false;
  call.tensors[2] = TFE_TensorHandleResolve(call.handles[2], call.status);
  if (!call.ok()) return false;
  const size_t line = static_cast<size_t>(wanted.width) * channels;
  const size_t wide_line = static_cast<size_t>(wide.width) * channels;
  if (TF_TensorByteSize(call.tensors[2]) != wide_line * wanted.height) return false;
  const auto* from = static_cast<const uint8_t*>(TF_TensorData(call.tensors[2]));
  from += static_cast<size_t>(wanted.left - wide.left) * channels;
  for (int32_t row = 0; row < wanted.height; row++)
    std::memcpy(out + row * line, from + row * wide_line, line);
  return true;
}

// decode(bytes, channels, imageWidth, top, left, height, width, out): boolean
napi_value DecodeRegion(napi_env env, napi_callback_info info) {
  napi_value args[8];
  size_t count = 8;
  int32_t numbers[6];
  void *bytes, *out;
  size_t length, room;
  napi_typedarray_type type, out_type;
  bool valid = napi_get_cb_info(env, info, &count, args, nullptr, nullptr) == napi_ok && count == 8 &&
               napi_get_typedarray_info(env, args[0], &type, &length, &bytes, nullptr, nullptr) == napi_ok &&
               napi_get_typedarray_info(env, args[7], &out_type, &room, &out, nullptr, nullptr) == napi_ok &&
               type == napi_uint8_array && out_type == napi_uint8_array;
  for (int i = 0; valid && i < 6; i++)
    valid = napi_get_value_int32(env, args[1 + i], &numbers[i]) == napi_ok && numbers[i] >= 0;
  const auto [channels, image_width, top, left, height, width] = numbers;
  if (!valid || room != static_cast<size_t>(height) * width * channels) {
    napi_throw_type_error(env, nullptr,
                          "decode: expected (Uint8Array, 6 integers, Uint8Array of height * width * channels)");
    return nullptr;
  }
  napi_value result;
  napi_get_boolean(
      env, Decode(bytes, length, channels, image_width, {top, left, height, width}, static_cast<uint8_t*>(out)),
      &result);
  return result;
}

napi_value Init(napi_env env, napi_value exports) {
  // A worker that ends would unload the module, with the context and the stream still in use.
  static const bool kept = [] {
    Dl_info self;
    if (dladdr(reinterpret_cast<void*>(&DecodeRegion), &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
    DropWarnings();
    return true;
  }();
  (void)kept;
  napi_value decode;
  napi_create_function(env, "decode", NAPI_AUTO_LENGTH, DecodeRegion, nullptr, &decode);
  napi_set_named_property(env, exports, "decode", decode);
  return exports;
}

}  // namespace

NAPI_MODULE(NODE_GYP_MODULE_NAME, Init)
