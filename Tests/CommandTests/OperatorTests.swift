// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// The parts that unattended operation relies on: limits of the machine, signals, and a log of events.
@Suite("Operating a server", .serialized)
struct OperatorTests {
    /// Connections that stay silent.
    private static func idle(_ count: Int, port: Int) throws -> [Int32] {
        try (0..<count).map { _ in try Loopback.connect(port: port) }
    }

    @Test(
        "With few file descriptors, idle connections do not prevent others from being served",
        .enabled(if: Strangers.raiseDescriptorLimit(), "the hard limit of file descriptors is too low"),
        arguments: [(64, 300), (1024, 1100)])
    func descriptors(_ limit: Int, _ count: Int) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(
            provisioned: deployment, options: ["--connections-per-address", "1024"], prefix: "ulimit -n \(limit); exec")
        let idle = try Self.idle(count, port: server.port)
        defer { for descriptor in idle { close(descriptor) } }
        sleep(1)
        #expect(server.program.isRunning, "\(server.program.errors)")
        #expect(try server.get("/health/ready").status == 200)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        let descriptors = try FileManager.default.contentsOfDirectory(
            atPath: "/proc/\(server.program.identifier)/fd"
        ).count
        #expect(descriptors < limit)
        // Even a new enclave process can be started.
        for child in server.program.children { kill(child, SIGKILL) }
        try server.program.wait(until: "new enclave") {
            try server.metric("enclave_restarts_total") == 1 && server.state() == "unprovisioned"
        }
    }

    @Test(
        "A low soft limit on descriptors is raised beyond the start's needs, so that a reload has descriptors",
        .enabled(if: Strangers.raiseDescriptorLimit(), "the hard limit of file descriptors is too low"))
    func softLimit() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, prefix: "ulimit -Sn 256; exec")
        let limits = try String(contentsOfFile: "/proc/\(server.program.identifier)/limits", encoding: .utf8)
        let line = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
        let soft = try #require(line.split(separator: " ").dropFirst(3).first.flatMap { Int($0) })
        // 1024 connections and 16 of operators, and what stays free of them.
        #expect(soft >= 1024 + 16 + 512, "\(line)")
        #expect(!server.program.errors.contains("LimitNOFILE"), "\(server.program.errors)")
    }

    @Test("--batch-delay has no effect if all layers are inside, and a warning says so", arguments: [true, false])
    func batchesOfNothing(everythingInside: Bool) throws {
        let deployment = try Deployment(
            cuts: everythingInside ? Demo.everythingInside : Demo.cuts, in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--batch-delay", "1"])
        let warning = "--batch-delay has no effect for model: all its layers are inside the enclave"
        #expect(server.program.errors.contains(warning) == everythingInside, "\(server.program.errors)")
    }

    @Test(
        "provision states how soon a client can use up its quota, if that is before the end of the lease",
        arguments: [("1000", "100", "its 1000 after 10 min"), ("10", "100", "its 10 after 1 min"), ("10080", "1", nil)])
    func quotas(_ requests: String, _ perMinute: String, _ expected: String?) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let outcome = try succeed(
            deployment.provisionArguments(server.url) + ["--requests", requests, "--per-minute", perMinute],
            in: deployment.folder)
        #expect(outcome.output.contains("quota") == (expected != nil), "\(outcome.output)")
        if let expected { #expect(outcome.output.contains(expected), "\(outcome.output)") }
    }

    @Test("serve states how many descriptors it needs if the limit is lower")
    func tooFewDescriptors() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let outcome = try Program(
            [
                "-c", "ulimit -n 24; exec \"$0\" \"$@\"", Program.products + "/infenclave", "serve", deployment.bundle,
                "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "none",
            ], in: deployment.folder, executable: "/bin/sh"
        ).wait()
        #expect(outcome.status == 1)
        #expect((1...2).contains(outcome.errorLines.count), "\(outcome.errors)")
        #expect(outcome.errors.contains("descriptors") && outcome.errors.contains("LimitNOFILE"), "\(outcome.errors)")
    }

    @Test(
        "A command whose threads need more memory than allowed fails with two lines, and does not hang",
        arguments: ["ulimit -v 260000", "ulimit -v 300000", "ulimit -s 4194304; ulimit -v 20000000"],
        [["--version"], ["serve", "BUNDLE", "--tee", "development", "--listen", "127.0.0.1:0"]])
    func littleMemory(_ limit: String, _ arguments: [String]) throws {
        let folder = try TemporaryFolder()
        let bundle = arguments.contains("BUNDLE") ? try Deployment(in: folder).bundle : ""
        let outcome = try Program(
            ["-c", "\(limit); exec \"$0\" \"$@\"", Program.products + "/infenclave"]
                + arguments.map { $0 == "BUNDLE" ? bundle : $0 }, in: folder, executable: "/bin/sh",
            environment: ["OPENBLAS_NUM_THREADS": "1"]
        ).wait()
        // A command whose needs fit the limit may do its work; before, it waited forever for a thread.
        if arguments == ["--version"], outcome.status == 0 { return }
        #expect(outcome.status == 1, "\(outcome.errors)")
        #expect((1...2).contains(outcome.errorLines.count), "\(outcome.errors)")
        #expect(outcome.errors.contains("threads can be started") && outcome.errors.contains("ulimit -v"))
    }

    @Test(
        "Without --threads there are one worker and one thread for each processor available to the process",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/taskset"), "there is no taskset"),
        .enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1, "there is one processor"),
        arguments: [("0", 1), ("0,1", 2)])
    func affinity(_ list: String, _ processors: Int) throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let program = try Program(
            [
                "-c", list, Program.products + "/infenclave", "serve", deployment.bundle, "--tee", "development",
                "--listen", "127.0.0.1:0", "--admin-listen", "none",
            ], in: deployment.folder, executable: "/usr/bin/taskset")
        try program.wait(until: "a server") { program.errors.contains(" at http://") }
        let enclave = try #require(program.children.first)
        let arguments = try String(contentsOfFile: "/proc/\(enclave)/cmdline", encoding: .utf8).split(separator: "\0")
        #expect(
            arguments.suffix(6).map(String.init) == [
                "--workers", "\(processors)", "--threads", "1", "--threads-alone", "\(processors)",
            ])
    }

    @Test("Files of a served bundle whose modification time changes stay valid for a new enclave")
    func touched() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let files = try FileManager.default.contentsOfDirectory(atPath: deployment.bundle)
        #expect(files.count > 4)
        for file in files {
            try FileManager.default.setAttributes(
                [.modificationDate: Date() + 10], ofItemAtPath: deployment.bundle + "/" + file)
        }
        for child in server.program.children { kill(child, SIGKILL) }
        try server.program.wait(until: "new enclave") {
            try server.metric("enclave_restarts_total") == 1 && server.state() == "unprovisioned"
        }
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("A bundle part that is modified while served is detected by its digest and not loaded by an enclave")
    func overwritten() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let part = deployment.bundle + "/frontnet.sealed"
        let handle = try FileHandle(forUpdating: URL(filePath: part))
        try handle.seek(toOffset: 200)
        try handle.write(contentsOf: Data([0, 1, 2, 3, 4, 5, 6, 7]))
        try handle.close()
        for child in server.program.children { kill(child, SIGKILL) }
        try server.program.wait(until: "refusal") {
            server.program.errors.contains("the enclave cannot be started")
                && server.program.errors.contains("partRefused")
        }
        #expect(try server.state() == "starting")
    }

    @Test("If the enclave ends at its start, serve fails with its exit status and last output")
    func failedStart() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let enclave = try folder.write("#!/bin/sh\necho starting; echo the device is not there >&2; exit 3\n", to: "e")
        chmod(enclave, 0o755)
        let outcome = try infenclave(
            [
                "serve", deployment.bundle, "--tee", "development", "--listen", "127.0.0.1:0", "--admin-listen", "none",
                "--enclave", enclave,
            ], in: folder)
        #expect(outcome.status == 1)
        #expect((1...2).contains(outcome.errorLines.count), "\(outcome.errors)")
        #expect(outcome.errors.contains("status 3") && outcome.errors.contains("the device is not there"))
    }

    @Test("If memory cannot be locked, serve warns that secrets can be swapped out, and serves")
    func lockedMemory() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        // Root may lock what it likes.
        let drop = geteuid() == 0 ? " setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock" : ""
        let server = try Server(deployment, prefix: "ulimit -l 0; exec\(drop)")
        #expect(server.program.errors.contains("LimitMEMLOCK"), "\(server.program.errors)")
        #expect(try server.state() == "unprovisioned")
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        #expect(try server.metric("enclave_restarts_total") == 0)
    }

    @Test(
        "An enclave that runs out of memory causes refusals and a restart, and leaves no request waiting",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit"), "there is no prlimit"))
    func exhaustedMemory() throws {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--workers", "4"])
        let provision =
            deployment.provisionArguments(server.url) + ["--requests", "1000000", "--per-minute", "1000000"]
        try succeed(provision, in: deployment.folder)
        let enclave = try #require(server.program.children.first)
        let outcome = try Program(
            ["--pid", "\(enclave)", "--as=1000000:1000000"], in: deployment.folder, executable: "/usr/bin/prlimit"
        ).wait()
        try #require(outcome.status == 0, "\(outcome.errors)")
        // More requests at a time than it had memory for so far.
        let load = try infenclave(
            ["load"] + deployment.target(server.url) + [
                "--token", deployment.token, "--connections", "16", "--seconds", "4", "--warm-up", "0.5", "--json",
            ], in: deployment.folder)
        try server.program.wait(until: "new enclave after \(load.errors)") {
            try server.metric("enclave_restarts_total") == 1 && server.state() == "unprovisioned"
        }
        #expect(server.program.errors.contains("the enclave process"), "\(server.program.errors)")
        #expect(try server.metric("requests_waiting") == 0)
        try succeed(provision, in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("The server survives SIGHUP without a terminal, SIGUSR1, SIGUSR2 and a closed log")
    func signals() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment, prefix: "exec setsid env --default-signal=HUP")
        for signal in [SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE] {
            kill(server.program.identifier, signal)
            usleep(200_000)
            try #require(server.program.isRunning, "signal \(signal)")
        }
        #expect(try server.state() == "ready")
        try server.program.wait(until: "SIGHUP") { server.program.errors.contains("SIGHUP") }
        // What an operator sees without any listener.
        try server.program.wait(until: "state") { server.program.errors.contains("SIGUSR1: ready") }
        #expect(try server.stop().status == 0)
    }

    @Test("Log lines have a time and a level, and state why an enclave ended")
    func textLog() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        for child in server.program.children { kill(child, SIGKILL) }
        try server.program.wait(until: "new enclave") {
            try server.metric("enclave_restarts_total") == 1 && server.state() == "unprovisioned"
        }
        #expect(try server.stop().status == 0)
        let lines = server.program.errors.split(separator: "\n")
        #expect(lines.count >= 5)
        for line in lines {
            let fields = line.split(separator: " ", maxSplits: 2)
            try #require(fields.count == 3, "\(line)")
            #expect(
                (try? Date(String(fields[0]), strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
                    != nil)
            #expect(["info", "warning", "error"].contains(fields[1]), "\(line)")
        }
        #expect(server.program.errors.contains("killed by signal 9"))
    }

    @Test("With --log-format json every line is one JSON object, including the enclave's output")
    func jsonLog() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment, options: ["--log-format", "json", "--log-level", "debug"])
        let refused = try server.post("/ohttp", [UInt8](repeating: 0, count: 500))
        #expect(refused.status == 400)
        let identifier = refused.head.split(separator: "\r\n").first {
            $0.lowercased().hasPrefix("infenclave-request-id: ")
        }?.split(separator: " ").last.map(String.init)
        #expect(try server.stop().status == 0)
        let lines = server.program.errors.split(separator: "\n")
        let objects = lines.compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
        #expect(objects.count == lines.count, "\(server.program.errors)")
        #expect(objects.allSatisfy { $0["time"] is String && $0["level"] is String && $0["message"] is String })
        let request = objects.first { $0["request"] as? String == identifier && identifier != nil }
        #expect(request?["status"] as? Int == 400 && request?["endpoint"] as? String == "ohttp", "\(objects)")
    }

    @Test(
        "Near a lease's end the log warns and a metric gives the remaining time; afterwards readiness states the reason"
    )
    func leaseNears() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        // A short one may be over before anybody looks, where other tests keep this one waiting.
        let seen = try [8, 80, 800].first { seconds in
            try succeed(deployment.provisionArguments(server.url) + ["--lease", "\(seconds)s"], in: deployment.folder)
            let left = try server.metric("lease_remaining_seconds")
            #expect(left <= Double(seconds))
            return left > 0
        }
        #expect(seen != nil)
        try server.program.wait(until: "a warning") {
            server.program.errors.contains("the owner's lease ends in")
        }
        try server.program.wait(until: "end of the lease") { try server.state() == "unprovisioned" }
        let readiness = try server.getAsOperator("/health/ready")
        #expect(readiness.status == 503)
        #expect((readiness.json?["reason"] as? String)?.contains("lease has ended") == true)
        #expect(try server.metric("lease_remaining_seconds") == 0)
        // A new lease restores readiness.
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        try server.program.wait(until: "the next lease") {
            try server.metric("lease_remaining_seconds") > 600_000
        }
    }

    @Test("SIGTERM interrupts no request, neither one being received nor the next on a kept connection")
    func drain() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let slow = try Loopback.connect(port: server.port)
        defer { close(slow) }
        let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 500\r\n\r\n"
        _ = Loopback.send(Array(head.utf8) + [UInt8](repeating: 1, count: 250), to: slow)
        let busy = try Loopback.connect(port: server.port)
        defer { close(busy) }
        let get = Array("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        var answers = 0
        for round in 0..<10_000 {
            if round == 20 { kill(server.program.identifier, SIGTERM) }
            try #require(Loopback.send(get, to: busy))
            let answer = try HTTPAnswer(Loopback.receive(busy))
            #expect(answer.status == 200)
            answers += 1
            if answer.head.lowercased().contains("connection: close") { break }
            usleep(1_000)
        }
        #expect(answers > 20 && answers < 10_000)
        _ = Loopback.send([UInt8](repeating: 1, count: 250), to: slow)
        let answer = try HTTPAnswer(Loopback.receive(slow))
        #expect(answer.status == 400 && answer.head.lowercased().contains("connection: close"), "\(answer.head)")
        #expect(try server.program.wait().status == 0)
    }
}
