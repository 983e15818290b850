// While it is being loaded TensorFlow logs to stderr that oneDNN is on, whatever TF_CPP_MIN_LOG_LEVEL says: it reads that later.
// glibc initialises the library that is linked last first, so this one sets the level before TensorFlow has anything to say.
#include <dlfcn.h>

#include <cstdlib>

__attribute__((constructor)) static void set_log_level() {
  const char* level = std::getenv("TF_CPP_MIN_LOG_LEVEL");
  // absl::SetMinLogLevel, by the name it has in the pinned TensorFlow; where there is none, the lines are only not silenced.
  void* set = dlsym(RTLD_DEFAULT, "_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE");
  if (level != nullptr && set != nullptr) reinterpret_cast<void (*)(int)>(set)(std::atoi(level));
}
