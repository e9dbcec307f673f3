import Logging

/// Keeps messages back until the server serves: when an address is taken, the other listener's end is no news.
struct ServingLog: LogHandler {
    private var handler: any LogHandler
    private let isServing: @Sendable () -> Bool

    init(_ handler: any LogHandler, isServing: @escaping @Sendable () -> Bool) {
        self.handler = handler
        self.isServing = isServing
    }

    func log(event: LogEvent) { if isServing() { handler.log(event: event) } }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }
}
