// Reads one JSON document a line, writes it in hex a line as aktualizr canonicalises: jsoncpp without indentation.
#include <json/json.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

int main() {
  Json::StreamWriterBuilder writer;
  writer["indentation"] = "";
  const std::unique_ptr<Json::CharReader> reader(Json::CharReaderBuilder().newCharReader());
  for (std::string line; std::getline(std::cin, line);) {
    Json::Value value;
    std::string error;
    if (!reader->parse(line.data(), line.data() + line.size(), &value, &error)) {
      std::cerr << line << ": " << error;
      return 1;
    }
    for (const unsigned char byte : Json::writeString(writer, value)) std::printf("%02x", byte);
    std::printf("\n");
  }
}
