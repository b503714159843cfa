#pragma once

namespace deconv {

// Outcome of every call that can fail. The names are stable: bindings hand them to TypeScript,
// where one table maps them to error codes.
enum class Status : int {
  kOk = 0,
  kBadSpec,            // a parameter outside its domain
  kBadShape,           // an input size that yields no output, or the wrong sequence of calls for it
  kTooLarge,           // a tensor of more elements than a 32-bit heap can address
  kUnsupported,        // the forced route does not take this geometry
  kMissingParameters,  // run before set_parameters
  kOutOfMemory,
  kInternal,   // XNNPACK refused what the planner thought possible
  kNotFinite,  // an input whose range is to be measured holds infinity or NaN
  kReplanned,  // no error: the route found no memory, and there is another way to try
};

inline constexpr int kStatusCount = 10;
static_assert(static_cast<int>(Status::kReplanned) == kStatusCount - 1);

const char* status_name(Status status);

}  // namespace deconv
