#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace oc::format {

/// At most `most_bytes` of valid UTF-8, cut between characters, with "…" where something was cut. Foreign names can have
/// 64 KiB, and formats repeat them.
std::string shorten(std::string_view text, size_t most_bytes);

/// As an XML or HTML text or a value in quotes of either sort. Made clean first (`clean_text`).
void append_xml(std::string& out, std::string_view text);

/// As a JSON string with its quotes; also safe inside an HTML script element. Made clean first.
void append_json(std::string& out, std::string_view text);
/// A number as JSON has it: what is not finite is null.
void append_json(std::string& out, double number);

/// Two digits for each byte, as build ids are written.
std::string hex(std::span<const uint8_t> bytes);

}  // namespace oc::format
