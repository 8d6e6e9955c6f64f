// Speaks the blocks of a recorded transcript (SequenceOptions::recording), so that the whole loop can be exercised and timed on
// what real models wrote. Each Generate gives the next text or code blocks as the dialect's model would, up to its stop; what is
// appended in between is not looked at. After the last block it ends the message.
#pragma once

#include <memory>

#include "chat/dialect.h"
#include "engine/engine.h"

namespace mathcoder::engine {

std::unique_ptr<Engine> OpenRecording(std::shared_ptr<const chat::Dialect> dialect);

}  // namespace mathcoder::engine
