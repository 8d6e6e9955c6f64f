#pragma once

#include <memory>

#include "chat/dialect_spec.h"

namespace mathcoder::chat {

std::shared_ptr<const Dialect> MakeDialect(DialectSpec spec);

}  // namespace mathcoder::chat
