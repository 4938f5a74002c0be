package Medianest::Plex;

# Sign-in by an account at plex.tv: a PIN that the person confirms there, exchanged for a token that is used three times and ended at once. Who may
# see the operator's server has its roles; others are who they are linked with.
use strict;
use warnings;
use Mouse;
use Digest::SHA qw(hmac_sha256_hex);
use JSON;
use URI::Escape qw(uri_escape_utf8);
use Medianest::Providers;
extends 'Lemonldap::NG::Common::Module';

use constant { PAGE => 'https://app.plex.tv/auth#?', FRIENDS => 'friends' };

has own => ( is => 'ro' );
has ua  => ( is => 'ro' );

sub of {
    my ( $class, $portal, $conf, $own ) = @_;
    return $class->new( p => $portal, conf => $conf, own => $own, ua => Medianest::Providers::agent($own) );
}

sub prepare { return }

# Plex knows this stack by it: always the same, and of no other stack.
sub client { return substr hmac_sha256_hex( 'plex client', $ENV{SIGN_ON_ENGINE_KEY} ), 0, 32 }

# @returns what the answer says, or undefined and its code where it refuses @throws where there is no answer
sub call {
    my ( $self, $method, $path, $token ) = @_;
    my %head = ( Accept => 'application/json', 'X-Plex-Product' => $self->conf->{totp2fIssuer}, 'X-Plex-Client-Identifier' => client() );
    $head{'X-Plex-Token'} = $token if defined $token;
    utf8::encode( $head{'X-Plex-Product'} ) if utf8::is_utf8( $head{'X-Plex-Product'} );
    my $answer = $self->ua->request( HTTP::Request->new( $method => $self->own->{issuer} . $path, [%head] ) );
    return ( undef, $answer->code ) if $answer->code =~ /\A4(?:0[0134]|22)\z/;
    die Medianest::Providers::reason($answer), "\n" unless $answer->is_success;
    return ( undef, $answer->code ) if $method eq 'DELETE';
    my $said = eval { decode_json( $answer->content ) };
    die "it answers something else than JSON\n" unless ref $said;
    return ( $said, $answer->code );
}

sub tokens {
    my ($self) = @_;
    my $ott = $self->p->loadModule('::Lib::OneTimeToken');
    $ott->timeout( Medianest::Providers::ATTEMPT_SECONDS() );
    return $ott;
}

sub begin {
    my ( $self, $req ) = @_;
    require HTTP::Request;
    my ($pin) = $self->call( POST => '/api/v2/pins?strong=true' );
    die "it gives no PIN\n"
      unless ref $pin eq 'HASH' && ( $pin->{id} // '' ) =~ /\A[1-9]\d{0,18}\z/ && ( $pin->{code} // '' ) =~ /\A[A-Za-z0-9]{4,64}\z/;
    my $state = $self->tokens->createToken( { medianest_plex => 1, pin => "$pin->{id}", code => $pin->{code}, urldc => $req->urldc } )
      or die "the attempt cannot be stored\n";
    my %said = (
        clientID                   => client(),
        code                       => $pin->{code},
        'context[device][product]' => $self->conf->{totp2fIssuer},
        forwardUrl                 => $req->portal . "?openidconnectcallback=1&state=$state",
    );
    return ( PAGE . join( '&', map { uri_escape_utf8($_) . '=' . uri_escape_utf8( $said{$_} ) } sort keys %said ), $state );
}

sub finish {
    my ( $self, $req ) = @_;
    require HTTP::Request;
    my $kept = $self->tokens->getToken( $req->param('state') );
    return unless $kept && $kept->{medianest_plex} && $kept->{tokenTimeoutTimestamp} > time;
    $req->urldc( $kept->{urldc} ) if $kept->{urldc};
    my ($pin) = $self->call( GET => "/api/v2/pins/$kept->{pin}" );
    return unless ref $pin eq 'HASH' && ( $pin->{code} // '' ) eq $kept->{code};
    my $token = $pin->{authToken} // '';
    return unless $token =~ /\A[\w-]{8,512}\z/a;
    my $who = eval { $self->about($token) };
    my $why = $@;

    # As soon as it is known who that is. If this fails, the token ends with the device's entry in the account there.
    eval { $self->call( DELETE => '/api/v2/users/signout', $token ); 1 } or $self->logger->warn( 'Plex: the token was not ended: ' . $@ =~ s/\s+/ /gr );
    delete $self->own->{failed} unless $why;
    die $why if $why;
    return $who;
}

sub about {
    my ( $self, $token ) = @_;
    my ($user) = $self->call( GET => '/api/v2/user', $token );
    return unless ref $user eq 'HASH' && ( $user->{id} // '' ) =~ /\A[1-9]\d{0,18}\z/;
    my ($resources) = $self->call( GET => '/api/v2/resources', $token );
    return unless ref $resources eq 'ARRAY';
    my $sees = grep {
        ref eq 'HASH' && ( $_->{clientIdentifier} // '' ) eq $self->own->{server} && grep { $_ eq 'server' } split /,/, $_->{provides} // ''
    } @$resources;
    my $text = sub { Medianest::Providers::text( $user->{ $_[0] } ) };
    return {
        subject  => "$user->{id}",
        email    => JSON::is_bool( $user->{confirmed} ) && $user->{confirmed} ? Medianest::Providers::address( $user->{email} ) : '',
        name     => $text->('title') || $text->('username'),
        username => $text->('username'),
        groups   => $sees ? [FRIENDS] : [],
        mfa      => 0,
    };
}

1;
