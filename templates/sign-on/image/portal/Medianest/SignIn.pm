package Medianest::SignIn;

# The sign-in by password, as without it, and the way through a provider: to it, and back.
use strict;
use warnings;
use Mouse;
use Digest::SHA qw(sha256_hex);
use Lemonldap::NG::Portal::Main::Constants qw(PE_OK PE_ERROR PE_SENDRESPONSE);
use MIME::Base64 qw(encode_base64);
use Medianest::Database;
use Medianest::OpenIdConnect;
use Medianest::Plex;
use Medianest::Providers;
extends 'Lemonldap::NG::Portal::Auth::DBI';

has ways => ( is => 'rw', default => sub { {} } );
my $wrapped;

sub init {
    my ($self) = @_;
    for my $own ( Medianest::Providers::listed() ) {
        my $kind = $own->{server} ? 'Medianest::Plex' : 'Medianest::OpenIdConnect';
        $self->ways->{ $own->{name} } = $kind->of( $self->p, $self->conf, $own );
    }
    $self->p->pluginSessionDataToRemember->{_2f} = '__hidden__';
    unless ( $wrapped++ ) {
        my $slowed = 'Lemonldap::NG::Portal::Plugins::BruteForceProtection';
        Mouse::Util::load_class($slowed);
        $slowed->meta->add_around_method_modifier( run => sub { $self->wait_for(@_) } );
    }
    return $self->SUPER::init;
}

# Wrong passwords, for which a name is enough, hold up the sign-in by password alone. Wrong codes, which only a person whom the provider has let
# pass can send, hold up both.
sub wait_for {
    my ( $self, $run, $plugin, $req ) = @_;
    my $history = $req->sessionInfo->{_loginHistory};
    return $plugin->$run($req) unless $history && $req->data->{medianest_provider};
    local $req->sessionInfo->{_loginHistory} = { %$history, failedLogin => [ grep { $_->{_2f} } @{ $history->{failedLogin} || [] } ] };
    my $result = $plugin->$run($req);
    $self->p->updatePersistentSession( $req, { _loginHistory => $history } ) if $result != PE_OK;
    return $result;
}

sub extractFormInfo {
    my ( $self, $req ) = @_;
    return $self->finish($req) if $req->method eq 'GET' && $req->param('openidconnectcallback');

    # The edge counts what is sent to the sign-in, and what is read there not.
    my $way = $req->method eq 'POST' && !defined $req->param('user') ? $self->ways->{ $req->param('provider') // '' } : undef;
    return $way ? $self->begin( $req, $way ) : $self->SUPER::extractFormInfo($req);
}

# The answer is taken in this browser alone, once: a link that carries the answer to another person's sign-in is refused.
sub begin {
    my ( $self, $req, $way ) = @_;
    my ( $where, $proof );
    my $own = $way->own;
    delete $req->pdata->{medianest_attempt};
    Medianest::Providers::remember_link($req);
    eval { Medianest::Providers::ask( $own, sub { $way->prepare; ( $where, $proof ) = $way->begin($req) } ); 1 } or return $self->away( $req, $own, $@ );
    $req->pdata->{medianest_attempt} = { provider => $own->{name}, proof => sha256_hex($proof) };
    $req->response( [ 302, [ Location => $where, 'Cache-Control' => 'no-store' ], [] ] );
    return PE_SENDRESPONSE;
}

sub finish {
    my ( $self, $req ) = @_;
    my $attempt = delete $req->pdata->{medianest_attempt};
    my $way = $self->ways->{ ref $attempt eq 'HASH' ? $attempt->{provider} // '' : '' };
    my $proof = $req->param('state') // '';
    return $self->refused( $req, $way && $way->own, 'attempt' ) unless $way && $attempt->{proof} eq sha256_hex($proof);
    my $own = $way->own;
    my $who;
    eval { Medianest::Providers::ask( $own, sub { $way->prepare; $who = $way->finish($req) } ); 1 } or return $self->away( $req, $own, $@ );
    return $self->refused( $req, $own, 'proof' ) unless $who;
    my ( $login, $why, $how ) = eval { Medianest::Providers::admit( $own, $who ) };
    if ( my $error = $@ ) {
        $self->logger->error( "the provider $own->{name}: " . $error =~ s/\s+/ /gr );
        $req->response( $self->p->sendError( $req, 'the database does not answer', 503 ) );
        return PE_SENDRESPONSE;
    }
    return $self->refused( $req, $own, $why, $who ) unless defined $login;
    $self->event( $req, $own, 'PROVIDER_USER_' . uc $how, "$login came by $own->{name}", user => $login, subject => $who->{subject} ) if $how ne 'known';
    $req->user($login);
    $req->data->{medianest_provider} = { name => $own->{name}, mfa => $who->{mfa} && $own->{mfa} eq 'trusted' };
    return PE_OK;
}

sub authenticate {
    my ( $self, $req ) = @_;
    return $req->data->{medianest_provider} ? PE_OK : $self->SUPER::authenticate($req);
}

sub setAuthSessionInfo {
    my ( $self, $req ) = @_;
    my $result = $self->SUPER::setAuthSessionInfo($req);
    my $by = $req->data->{medianest_provider} or return $result;
    $req->sessionInfo->{_provider} = $by->{name};
    $req->sessionInfo->{_2f} = 'provider' if $by->{mfa};
    return $result;
}

sub event {
    my ( $self, $req, $own, $code, $message, %more ) = @_;
    return $self->auditLog( $req, message => $message, code => $code, provider => $own ? $own->{name} : 'none', %more );
}

sub away {
    my ( $self, $req, $own, $why ) = @_;
    $why = Medianest::Providers::told($why);
    $self->event( $req, $own, 'PROVIDER_AWAY', "The provider $own->{name} cannot be asked: $why" );
    return $self->page( $req, $own, AWAY => 1 );
}

# An unknown person may be a user all the same: the link waits until that user has signed in by password.
sub refused {
    my ( $self, $req, $own, $why, $who ) = @_;
    $self->event( $req, $own, 'PROVIDER_REFUSED', 'Sign-in refused: ' . $why, reason => $why, $who ? ( subject => $who->{subject} ) : () );
    return $self->page( $req, $own, FAILED => 1 ) if $why eq 'attempt' || $why eq 'proof';
    return $self->page( $req, $own, CLOSED => 1 ) unless $why eq 'unknown' || $why eq 'removed';
    my $ott = $self->p->loadModule('::Lib::OneTimeToken');
    $ott->timeout( Medianest::Providers::ATTEMPT_SECONDS() );
    my $token = $ott->createToken( { medianest_link => 1, provider => $own->{name}, subject => $who->{subject}, shown => $who->{email} || $who->{username} || $who->{name} } );
    Medianest::Providers::remember_link( $req, $token );
    return $self->page( $req, $own, UNKNOWN => 1, WHERE => encode_base64( $req->portal . 'link', '' ) );
}

sub page {
    my ( $self, $req, $own, %params ) = @_;
    $req->response( $self->p->sendHtml( $req, 'provider', params => { %params, LABEL => $own ? $own->{label} : '' } ) );
    return PE_SENDRESPONSE;
}

1;
