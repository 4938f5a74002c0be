package Medianest::Linking;

# The buttons of providers on the page of the sign-in, and the page that links an account there with the user who is signed in here.
use strict;
use warnings;
use Mouse;
use Lemonldap::NG::Portal::Main::Constants qw(PE_OK);
use Medianest::Database;
use Medianest::Providers;
extends 'Lemonldap::NG::Portal::Main::Plugin';

use constant hook      => { sendHtml     => 'offered' };
use constant aroundSub => { secondFactor => 'trusted' };
use constant endAuth   => 'told';

sub init {
    my ($self) = @_;
    return 1 unless Medianest::Providers::listed();
    $self->addAuthRoute( link => 'show', ['GET'] );
    $self->addAuthRoute( link => 'make', ['POST'] );
    return 1;
}

sub offered {
    my ( $self, $req, $template, $args ) = @_;
    $args->{params}{PROVIDERS} = [ map { { PROVIDER => $_->{name}, LABEL => $_->{label}, URL => $args->{params}{AUTH_URL} // '' } } Medianest::Providers::listed() ];
    return 0;
}

# Where the operator trusts the provider with it, and it has seen more than one factor.
sub trusted {
    my ( $self, $sub, $req ) = @_;
    return $req->data->{medianest_provider} && $req->data->{medianest_provider}{mfa} ? PE_OK : $sub->($req);
}

sub told {
    my ( $self, $req ) = @_;
    my ( $name, $login ) = ( $req->sessionInfo->{_provider}, $req->sessionInfo->{ $self->conf->{whatToTrace} } );
    $self->auditLog( $req, message => "$login signed in by $name", code => 'PROVIDER_SIGN_IN', user => $login, provider => $name ) if defined $name;
    return PE_OK;
}

# @param $keep leaves it for later @returns the provider, and who it says that the person at this browser is
sub waiting {
    my ( $self, $req, $keep ) = @_;
    my $token = $req->pdata->{medianest_link} // '';
    return unless $token =~ /\A[0-9a-f]{64}\z/;
    my $ott   = $self->p->loadModule('::Lib::OneTimeToken');
    my $found = $ott->getToken( $token, $keep );
    return unless $found && $found->{medianest_link} && $found->{tokenTimeoutTimestamp} > time;

    # A link is as good as a password: a session of before, which may be stolen or left open, makes none.
    my $session = $req->userData;
    return if defined $session->{_provider} || ( $session->{_utime} // 0 ) < $found->{tokenSessionStartTimestamp};
    my $own = Medianest::Providers::all()->{ $found->{provider} } or return;
    return ( $own, $found, $token );
}

sub show {
    my ( $self, $req ) = @_;
    my ( $own, $found, $token ) = $self->waiting( $req, 1 ) or return $self->page( $req, NOTHING => 1 );
    my $login = $req->userData->{ $self->conf->{whatToTrace} };
    return $self->page( $req, ASK => 1, LABEL => $own->{label}, SHOWN => $found->{shown}, LOGIN => $login, TOKEN => $token );
}

# The page's own token: no other page can send this form.
sub make {
    my ( $self, $req ) = @_;
    my $given = $req->param('token') // '';
    return $self->page( $req, NOTHING => 1 ) if $given eq '' || $given ne ( $req->pdata->{medianest_link} // '' );
    my ( $own, $found ) = $self->waiting($req);
    Medianest::Providers::remember_link($req);
    return $self->page( $req, NOTHING => 1 ) unless $own;
    my $login = $req->userData->{ $self->conf->{whatToTrace} };
    my $done  = eval {
        Medianest::Database::transaction(
            sub {
                my ($dbh) = @_;

                # A reset of the password at the same moment comes before this, and ends this session; or after, and removes this link.
                my ($source) = $dbh->selectrow_array( 'SELECT source FROM users WHERE login = ? AND version = ? FOR SHARE', undef, $login, $req->userData->{_version} );
                return ( $source // '' ) eq 'local' && Medianest::Providers::link_to( $dbh, $own, $found, $login ) ? 1 : 0;
            }
        );
    };
    return $self->p->sendError( $req, 'the database does not answer', 503 ) unless defined $done;
    my $code = $done ? 'PROVIDER_LINKED' : 'PROVIDER_NOT_LINKED';
    my $what = $done ? "$login is linked with an account of $own->{name}" : "$login was not linked with an account of $own->{name}";
    $self->auditLog( $req, message => $what, code => $code, user => $login, provider => $own->{name}, subject => $found->{subject} );
    return $self->page( $req, ( $done ? 'LINKED' : 'TAKEN' ) => 1, LABEL => $own->{label} );
}

sub page {
    my ( $self, $req, %params ) = @_;
    return $self->p->sendHtml( $req, 'provider', params => \%params );
}

1;
