import Hummingbird

/// Whom a request comes from.
struct ClientContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let address: ClientAddress

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = ClientAddress(source.channel.remoteAddress)
    }
}
