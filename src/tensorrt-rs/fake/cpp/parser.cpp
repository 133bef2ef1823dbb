// The fake libnvonnxparser.
#include "network.h"
#include "parser_stubs.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace fake
{

struct ParserError final : StubIParserError
{
    nvonnxparser::ErrorCode code() const override
    {
        return op.empty() ? nvonnxparser::ErrorCode::kMODEL_DESERIALIZE_FAILED : nvonnxparser::ErrorCode::kUNSUPPORTED_NODE;
    }

    char const* desc() const override
    {
        return message.c_str();
    }

    int node() const override
    {
        return op.empty() ? -1 : 1;
    }

#if FAKE_RTX || NV_TENSORRT_MAJOR >= 10
    char const* nodeName() const override
    {
        return name.c_str();
    }

    char const* nodeOperator() const override
    {
        return op.c_str();
    }
#endif

    std::string name;
    std::string op;
    std::string message;
};

class Parser final : public StubIParser
{
public:
    explicit Parser(nvinfer1::INetworkDefinition* network)
        : mNetwork(static_cast<Network*>(network))
    {
        gHooks.live(kPARSER, 1);
    }

    ~Parser() override
    {
        gHooks.live(kPARSER, -1);
    }

    bool parse(void const* onnx, size_t bytes, char const*) noexcept override
    {
        Model model = own(gHooks.modelParse(onnx, bytes));
        char const* node = nullptr;
        char const* op = nullptr;
        char const* message = nullptr;
        if (gHooks.modelRefusal(model.get(), &node, &op, &message) != 0)
        {
            ParserError error;
            error.name = node;
            error.op = op;
            error.message = message;
            mErrors.push_back(error);
            return false;
        }
        mNetwork->impl.take(std::move(model));
        return true;
    }

    int getNbErrors() const noexcept override
    {
        return static_cast<int>(mErrors.size());
    }

    nvonnxparser::IParserError const* getError(int index) const noexcept override
    {
        return index >= 0 && index < getNbErrors() ? &mErrors[index] : nullptr;
    }

private:
    Network* mNetwork;
    std::vector<ParserError> mErrors;
};

} // namespace fake

FAKE_EXPORT void fakeSetHooks(FakeHooks const* hooks)
{
    fake::gHooks = *hooks;
}

FAKE_EXPORT int getNvOnnxParserVersion() noexcept
{
    return NV_ONNX_PARSER_VERSION;
}

FAKE_EXPORT void* createNvOnnxParser_INTERNAL(void* network, void*, int version) noexcept
{
    return version == NV_ONNX_PARSER_VERSION
        ? new fake::Parser(static_cast<nvinfer1::INetworkDefinition*>(network))
        : nullptr;
}
