#include "base/json.h"

namespace mathcoder::base {

std::string Dump(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace mathcoder::base
