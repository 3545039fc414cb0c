using System.Net;
using System.Net.Sockets;

namespace Topology.Retry.Tests;

public sealed class RetryClassificationTests
{
    private readonly RetryPolicy _policy = new(new RetryProfileOptions());

    public static TheoryData<Exception> Retried =>
    [
        new TimeoutException(),
        new SocketException((int)SocketError.ConnectionRefused),
        new IOException("reset"),
        new HttpRequestException("no connection"),
        new HttpRequestException("", null, HttpStatusCode.RequestTimeout),
        new HttpRequestException("", null, HttpStatusCode.TooManyRequests),
        new HttpRequestException("", null, HttpStatusCode.InternalServerError),
        new HttpRequestException("", null, HttpStatusCode.HttpVersionNotSupported),
        new TaskCanceledException("", new TimeoutException()),
        new AggregateException(new TimeoutException()),
        new InvalidOperationException("anything not listed"),
    ];

    public static TheoryData<Exception> NeverRetried =>
    [
        new ArgumentException("a"),
        new ArgumentNullException("a"),
        new ArgumentOutOfRangeException("a"),
#pragma warning disable CA2201 // The runtime's own exception is what is classified.
        new NullReferenceException(),
#pragma warning restore CA2201
        new NotSupportedException(),
        new NotImplementedException(),
        new ObjectDisposedException("a"),
        new InvalidCastException(),
        new FileNotFoundException(),
        new HttpRequestException("", null, HttpStatusCode.BadRequest),
        new HttpRequestException("", null, HttpStatusCode.RequestEntityTooLarge),
        new AggregateException(new ArgumentException("a")),
        new PermanentException("no such account"),
    ];

    [Theory]
    [MemberData(nameof(Retried), DisableDiscoveryEnumeration = true)]
    public void Is_retried(Exception failure) => Assert.Equal(RetryVerdict.Retry, _policy.Classify(failure));

    [Theory]
    [MemberData(nameof(NeverRetried), DisableDiscoveryEnumeration = true)]
    public void Is_never_retried(Exception failure) => Assert.Equal(RetryVerdict.Stop, _policy.Classify(failure));

    [Fact]
    public void A_profile_may_stop_at_what_it_does_not_know()
    {
        var strict = new RetryPolicy(new RetryProfileOptions { Unknown = UnknownFailure.Stop });

        Assert.Equal(RetryVerdict.Stop, strict.Classify(new InvalidOperationException()));
        Assert.Equal(RetryVerdict.Retry, strict.Classify(new TimeoutException()));
    }

    [Fact]
    public void A_hint_says_whether_and_when()
    {
        Assert.Equal(RetryVerdict.Retry, _policy.Classify(new Hint(true, null)));
        Assert.Equal(RetryVerdict.Stop, _policy.Classify(new Hint(false, null)));
        Assert.Equal(TimeSpan.FromSeconds(9), _policy.Classify(new Hint(true, TimeSpan.FromSeconds(9))).NotBefore);
        Assert.Equal(TimeSpan.Zero, _policy.Classify(new Hint(true, TimeSpan.FromSeconds(-9))).NotBefore);
    }

    [Fact]
    public void The_profiles_own_classifier_goes_first_and_may_pass_on()
    {
        var policy = new RetryPolicy(new RetryProfileOptions
        {
            Classify = static error => error switch
            {
                ArgumentException => RetryVerdict.Retry,
                TimeoutException => throw new InvalidOperationException("a bug in the classifier"),
                _ => default,
            },
        });

        Assert.Equal(RetryVerdict.Retry, policy.Classify(new ArgumentException("a")));
        Assert.Equal(RetryVerdict.Stop, policy.Classify(new NotSupportedException()));
        Assert.Equal(RetryVerdict.Retry, policy.Classify(new TimeoutException()));
    }

    private sealed class Hint(bool mayRetry, TimeSpan? wait) : Exception, IRetryHint
    {
        public bool MayRetry => mayRetry;

        public TimeSpan? RetryAfter => wait;
    }
}
