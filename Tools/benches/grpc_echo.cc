// The yardstick of Tools/bench: a C++ gRPC server that answers ModelInfer with its own input, by
// the callback interface, one thread's worth of work. It does what an identity task of a Canopy
// node does, without deadlines per frame, limits, budgets or metrics.
//
//   grpc_echo PORT
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <string>

#include "inference.grpc.pb.h"

class Echo final : public inference::GRPCInferenceService::CallbackService {
    grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                         const inference::ModelInferRequest* request,
                                         inference::ModelInferResponse* response) override {
        response->set_model_name(request->model_name());
        response->set_id(request->id());
        for (int i = 0; i < request->inputs_size(); ++i) {
            auto* output = response->add_outputs();
            output->set_name(request->inputs(i).name());
            output->set_datatype(request->inputs(i).datatype());
            for (auto size : request->inputs(i).shape()) output->add_shape(size);
            if (i < request->raw_input_contents_size())
                response->add_raw_output_contents(request->raw_input_contents(i));
        }
        auto* reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: grpc_echo PORT\n");
        return 2;
    }
    Echo echo;
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(64 << 20);
    builder.AddListeningPort(std::string("127.0.0.1:") + argv[1],
                             grpc::InsecureServerCredentials());
    builder.RegisterService(&echo);
    auto server = builder.BuildAndStart();
    if (!server) return 1;
    std::printf("ready\n");
    std::fflush(stdout);
    server->Wait();
}
